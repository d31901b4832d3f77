// SPDX-License-Identifier: Apache-2.0
// Reads an RDB file piece by piece as its bytes come, from a file or from a master's socket, and
// stores its keys.
//
// Feed() it until it is done or has failed. The work of a call is that of the bytes it is given:
// give it little at a time. A value is stored when its last byte has come; until then its bytes are
// kept. Nothing in the bytes is trusted. After a failure what came before it is stored already.
// Keys are told of with the target; whoever loads a whole data set flushes what was there before.
// Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/engine/keyspace.h"
#include "storage/persistence/rdb_extent.h"
#include "storage/types/value_limits.h"

namespace slotway::storage {

// Where what is read goes.
class RdbReadTarget {
 public:
  virtual ~RdbReadTarget() = default;
  // nullptr: there is no database of this number.
  virtual Keyspace* Database(std::uint64_t index) = 0;
  virtual void Aux(std::string_view name, std::string_view value) = 0;
  // The reason why it cannot be loaded.
  virtual std::optional<std::string> Function(std::string_view library) = 0;
};

enum class RdbExisting : std::uint8_t { kIsError, kIsReplaced };

struct RdbReadOptions {
  ValueLimits limits = {};
  std::int64_t now_ms = 0;
  bool drops_due_keys = true;  // as a master does with its own file; replicas and AOFs keep them
  // Not if the file names a history: those who follow it must hear of what goes.
  bool keeps_due_keys_of_history = false;
  RdbExisting existing = RdbExisting::kIsError;  // what a key that is there already means
  bool is_lfu = false;                           // which access clock the keyspaces have
};

class RdbFileReader {
 public:
  enum class Status : std::uint8_t { kReading, kDone, kFailed };

  // `target` must outlive the reader.
  RdbFileReader(RdbReadTarget& target, const RdbReadOptions& options)
      : target_(target), options_(options) {}

  // Takes from `bytes`; `taken` tells how many of them were the file's: all, unless it is done.
  Status Feed(std::string_view bytes, std::size_t& taken);
  // Of what went wrong, with its place. REQUIRES: kFailed.
  const std::string& Error() const { return error_; }
  // To be called when no more bytes will come and it is still reading.
  std::string ErrorOfEnd() const;

  int version() const { return version_; }
  std::uint64_t KeysLoaded() const { return keys_loaded_; }
  std::uint64_t KeysDropped() const { return keys_dropped_; }  // since their time has come
  std::uint64_t BytesRead() const { return offset_ + pending_.size(); }

 private:
  enum class Stage : std::uint8_t { kHeader, kOpcode, kElement, kEnd };

  // What is read of `bytes`; the rest is the beginning of something.
  std::size_t Parse(std::string_view bytes);
  bool ParseHeader(std::string_view bytes);
  void BeginElement(std::uint8_t opcode);
  void EndElement(std::string_view element);
  void EndKey(std::string_view element);
  void StoreKey(std::string_view key, RdbReader& value);
  void ApplyAccess(const KeyRef& key);
  void EndFile(std::string_view element);
  void Fail(std::string_view reason);

  RdbReadTarget& target_;
  RdbReadOptions options_;
  Stage stage_ = Stage::kHeader;
  Status status_ = Status::kReading;
  int version_ = 0;
  std::string error_;

  std::string pending_;       // read, but not yet the whole of something
  std::uint64_t offset_ = 0;  // of what is parsed, in the file
  std::uint64_t checksum_ = 0;

  std::uint8_t opcode_ = 0;  // or type, of the element at work
  RdbExtent extent_;
  Keyspace* database_ = nullptr;
  std::optional<std::int64_t> expire_at_ms_;
  std::optional<std::uint64_t> idle_seconds_;
  std::optional<std::uint8_t> frequency_;
  std::string key_;
  std::string text_;

  std::uint64_t keys_loaded_ = 0;
  std::uint64_t keys_dropped_ = 0;
};

}  // namespace slotway::storage
