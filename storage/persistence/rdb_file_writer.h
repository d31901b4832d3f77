// SPDX-License-Identifier: Apache-2.0
// Writes an RDB file into a sink: a file, a socket, memory.
//
// Call Begin(), then what the file is to hold, then End(). What is written goes to the sink in
// chunks of 64 kB or more; a value longer than that goes in several. Keys of databases may be
// mixed: what selects them is written as needed. In the file a value is in one piece: keys that
// come between the pieces of a large one wait in memory for its end. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/engine/keyspace.h"
#include "storage/persistence/lzf_compressor.h"
#include "storage/persistence/rdb_file.h"
#include "storage/persistence/rdb_format.h"
#include "storage/persistence/snapshot_writer.h"

namespace slotway::storage {

struct RdbFileOptions {
  int version = kRdbVersionReadMax;  // kRdbVersionRedis70 for readers of that age
  bool compresses = true;            // strings of more than 20 bytes, where it helps
  bool has_checksum = true;
};

class RdbFileWriter final : public SnapshotWriter, private RdbSink {
 public:
  // `sink` must outlive the writer.
  RdbFileWriter(RdbSink& sink, const RdbFileOptions& options);

  void Begin() override;
  void Aux(std::string_view name, std::string_view value) override;
  void Function(std::string_view library) override;
  void ResizeDb(int db_index, std::uint64_t keys, std::uint64_t keys_with_expiry) override;
  void Key(int db_index, Keyspace& keyspace, const Entry& entry, const RdbAccess& access) override;
  void BeginValue(const SnapshotValue& value) override;
  void Element(const ValueElement& element) override;
  void EndValue() override;
  void End() override;
  // What has gathered goes to the sink now.
  void Flush();

  std::uint64_t KeysWritten() const override { return keys_written_; }
  // What the sink has been given.
  std::uint64_t BytesWritten() const { return bytes_written_; }

 private:
  void Take(std::string& chunk) override;
  // Bytes that belong together, and what writes them.
  struct Part {
    std::string bytes;
    RdbWriter writer;
  };

  RdbForm FormFor(const RdbFileOptions& options, RdbSink* sink);
  // Where keys go.
  Part& keys() { return value_ == nullptr ? main_ : waiting_; }
  void Opcode(RdbOpcode opcode) { keys().bytes.push_back(static_cast<char>(opcode)); }
  void Select(int db_index);
  // What stands in front of a key's type.
  void KeyPrefix(int db_index, std::optional<std::int64_t> expire_at_ms, const RdbAccess& access);

  RdbSink& sink_;
  RdbFileOptions options_;
  LzfCompressor compressor_;
  Part main_;
  Part waiting_;
  const SnapshotValue* value_ = nullptr;  // that is being written
  std::uint64_t checksum_ = 0;
  int selected_db_ = -1;
  std::uint64_t keys_written_ = 0;
  std::uint64_t bytes_written_ = 0;
};

}  // namespace slotway::storage
