// SPDX-License-Identifier: Apache-2.0
// One value of a snapshot that would take too long to be written in one go: a large hash, set or
// sorted set, written some elements at a time, as it was at the moment of the snapshot (see
// types/element_capture.h). Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "storage/engine/entry.h"
#include "storage/persistence/snapshot_writer.h"
#include "storage/types/value_object.h"

namespace slotway::storage {

class LargeValue final : private ElementTaker {
 public:
  // Takes the moment; nullptr if the entry's value is to be written in one go. The value may change
  // and go as it likes.
  static std::unique_ptr<LargeValue> Begin(int db_index, const Entry& entry,
                                           const RdbAccess& access);
  // Gives up what has not been written.
  ~LargeValue() override;
  LargeValue(const LargeValue&) = delete;
  LargeValue& operator=(const LargeValue&) = delete;

  // Writes about `max_elements` more; false at the end. Between the first call and the end of it no
  // other large value may be written.
  bool Step(std::size_t max_elements, SnapshotWriter& writer);

 private:
  struct KeptElement {
    std::string name;
    std::string value;
    double score;
  };

  LargeValue(int db_index, const Entry& entry, const RdbAccess& access);
  void Take(const ValueElement& element) override;
  void OnGone() override { object_ = nullptr; }

  SnapshotValue head_;
  ValueObject* object_;               // nullptr: nothing is left in it
  SnapshotWriter* writer_ = nullptr;  // during Step()
  bool has_begun_ = false;
  std::deque<KeptElement> kept_;  // what had to be taken between steps
};

}  // namespace slotway::storage
