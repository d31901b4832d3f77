// SPDX-License-Identifier: Apache-2.0
// An intset that lives in a record, changed in its place.
//
// The entry stays valid while only this changes the keyspace; readers end with each change. Engine
// thread only.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "storage/engine/keyspace.h"
#include "storage/types/intset.h"

namespace slotway::storage {

class RecordIntset {
 public:
  // REQUIRES: the entry's encoding is kIntset.
  RecordIntset(Keyspace& keyspace, Entry& entry) : keyspace_(keyspace), entry_(entry) {}

  IntsetReader reader() const { return IntsetReader(entry_.Bytes()); }

  // True when the number is new.
  bool Add(std::int64_t number) {
    const IntsetReader numbers = reader();
    if (IntsetWidthFor(number) > numbers.Width()) {
      AddWider(number);
      return true;
    }
    const std::size_t place = numbers.PlaceOf(number);
    const std::size_t count = numbers.Count();
    if (place < count && numbers.At(place) == number) return false;
    char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    Splice(numbers.OffsetOf(place), 0, {bytes, numbers.Width()}, count + 1);
    return true;
  }
  // True when it was there.
  bool Remove(std::int64_t number) {
    const IntsetReader numbers = reader();
    const std::size_t place = numbers.PlaceOf(number);
    const std::size_t count = numbers.Count();
    if (place == count || numbers.At(place) != number) return false;
    Splice(numbers.OffsetOf(place), numbers.Width(), {}, count - 1);
    return true;
  }

 private:
  // A number that needs more bytes than all others is less than all of them, or greater.
  void AddWider(std::int64_t number) {
    const IntsetReader numbers = reader();
    std::vector<std::int64_t> all;
    all.reserve(numbers.Count() + 1);
    if (number < 0) all.push_back(number);
    for (std::size_t i = 0; i < numbers.Count(); ++i) all.push_back(numbers.At(i));
    if (number >= 0) all.push_back(number);
    entry_ = keyspace_.ReplaceBytes(entry_, Encoding::kIntset, MakeIntset(all));
  }
  void Splice(std::size_t at, std::size_t erased_bytes, std::string_view inserted,
              std::size_t count) {
    entry_ = keyspace_.SpliceBytes(entry_, at, erased_bytes, inserted);
    const auto stored = static_cast<std::uint32_t>(count);
    std::memcpy(keyspace_.MutableBytes(entry_).data() + IntsetReader::kCountOffset, &stored,
                sizeof stored);
  }

  Keyspace& keyspace_;
  Entry& entry_;
};

}  // namespace slotway::storage
