// SPDX-License-Identifier: Apache-2.0
// A stream key opened for reading and changing. Streams are always a StreamValue object: unlike
// other values they stay when they are emptied.
//
// Views end with the next change of the stream or of the keyspace. Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "storage/engine/keyspace.h"
#include "storage/types/stream_value.h"

namespace slotway::storage {

class StreamHandle {
 public:
  static constexpr ValueType kType = ValueType::kStream;

  // REQUIRES: entry.type() == kType. The handle stays valid while only it changes the keyspace.
  StreamHandle(Keyspace& keyspace, const Entry& entry) : keyspace_(&keyspace), entry_(entry) {}

  // Under `key`, overwriting what was there.
  static StreamHandle Store(Keyspace& keyspace, const KeyRef& key,
                            std::unique_ptr<StreamValue> stream, std::int64_t now_ms) {
    return {keyspace, keyspace.SetObject(key.slot, key.key, kType, Encoding::kStream,
                                         std::move(stream), TtlChange::Clear(), now_ms)};
  }
  static StreamHandle Create(Keyspace& keyspace, const KeyRef& key, std::int64_t now_ms) {
    return Store(keyspace, key, std::make_unique<StreamValue>(), now_ms);
  }

  const Entry& entry() const { return entry_; }
  const StreamValue& stream() const { return static_cast<const StreamValue&>(*entry_.Object()); }

  // change(StreamValue&), whose result is returned; keeps the keyspace's account of its memory.
  template <class ChangeFn>
  auto Change(ChangeFn&& change) {
    const BytesKept kept(*keyspace_, entry_);
    return change(static_cast<StreamValue&>(*entry_.Object()));
  }

 private:
  class BytesKept {
   public:
    BytesKept(Keyspace& keyspace, const Entry& entry)
        : keyspace_(keyspace), entry_(entry), bytes_before_(entry.Object()->MemoryBytes()) {}
    ~BytesKept() { keyspace_.ObjectChanged(entry_, bytes_before_); }
    BytesKept(const BytesKept&) = delete;
    BytesKept& operator=(const BytesKept&) = delete;

   private:
    Keyspace& keyspace_;
    const Entry& entry_;
    std::size_t bytes_before_;
  };

  Keyspace* keyspace_;
  Entry entry_;
};

}  // namespace slotway::storage
