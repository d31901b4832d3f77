// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/rdb_file_writer.h"

#include "protocol/crc64.h"
#include "storage/persistence/rdb_value.h"

namespace slotway::storage {

RdbFileWriter::RdbFileWriter(RdbSink& sink, const RdbFileOptions& options)
    : sink_(sink),
      options_(options),
      writer_(buffer_, {.version = options.version,
                        .compressor = options.compresses ? &compressor_ : nullptr,
                        .sink = this}) {}

void RdbFileWriter::Take(std::string& chunk) {
  if (options_.has_checksum) checksum_ = protocol::Crc64(chunk, checksum_);
  bytes_written_ += chunk.size();
  sink_.Take(chunk);
}

void RdbFileWriter::Flush() {
  if (buffer_.empty()) return;
  Take(buffer_);
  buffer_.clear();
}

void RdbFileWriter::Begin() {
  std::string digits = std::to_string(options_.version);
  digits.insert(0, kRdbHeaderBytes - kRdbMagic.size() - digits.size(), '0');
  buffer_.append(kRdbMagic).append(digits);
}

void RdbFileWriter::Aux(std::string_view name, std::string_view value) {
  Opcode(RdbOpcode::kAux);
  writer_.String(name);
  writer_.String(value);
}

void RdbFileWriter::Function(std::string_view library) {
  Opcode(RdbOpcode::kFunction);
  writer_.String(library);
}

void RdbFileWriter::Select(int db_index) {
  if (db_index == selected_db_) return;
  selected_db_ = db_index;
  Opcode(RdbOpcode::kSelectDb);
  writer_.Length(static_cast<std::uint64_t>(db_index));
}

void RdbFileWriter::ResizeDb(int db_index, std::uint64_t keys, std::uint64_t keys_with_expiry) {
  Select(db_index);
  Opcode(RdbOpcode::kResizeDb);
  writer_.Length(keys);
  writer_.Length(keys_with_expiry);
}

void RdbFileWriter::Key(int db_index, Keyspace& keyspace, const Entry& entry,
                        const RdbAccess& access) {
  Select(db_index);
  if (const auto at_ms = entry.expire_at_ms()) {
    Opcode(RdbOpcode::kExpireMs);
    writer_.LittleEndian(static_cast<std::uint64_t>(*at_ms), 8);
  }
  if (access.idle_seconds) {
    Opcode(RdbOpcode::kIdle);
    writer_.Length(*access.idle_seconds);
  }
  if (access.frequency) {
    Opcode(RdbOpcode::kFrequency);
    buffer_.push_back(static_cast<char>(*access.frequency));
  }
  writer_.SetKey(entry.key());
  WriteRdbValue(writer_, keyspace, entry);
  ++keys_written_;
  if (buffer_.size() >= RdbWriter::kChunkBytes) Flush();
}

void RdbFileWriter::End() {
  Opcode(RdbOpcode::kEnd);
  Flush();
  const std::uint64_t checksum = checksum_;
  writer_.LittleEndian(options_.has_checksum ? checksum : 0, kRdbChecksumBytes);
  Flush();
}

}  // namespace slotway::storage
