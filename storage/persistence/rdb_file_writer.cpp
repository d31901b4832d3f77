// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/rdb_file_writer.h"

#include "protocol/crc64.h"
#include "storage/persistence/rdb_value.h"

namespace slotway::storage {

RdbFileWriter::RdbFileWriter(RdbSink& sink, const RdbFileOptions& options)
    : sink_(sink),
      options_(options),
      main_{.bytes = {}, .writer = RdbWriter(main_.bytes, FormFor(options, this))},
      waiting_{.bytes = {}, .writer = RdbWriter(waiting_.bytes, FormFor(options, nullptr))} {}

RdbForm RdbFileWriter::FormFor(const RdbFileOptions& options, RdbSink* sink) {
  return {.version = options.version,
          .compressor = options.compresses ? &compressor_ : nullptr,
          .sink = sink};
}

void RdbFileWriter::Take(std::string& chunk) {
  if (options_.has_checksum) checksum_ = protocol::Crc64(chunk, checksum_);
  bytes_written_ += chunk.size();
  sink_.Take(chunk);
}

void RdbFileWriter::Flush() {
  if (main_.bytes.empty()) return;
  Take(main_.bytes);
  main_.bytes.clear();
}

void RdbFileWriter::Begin() {
  std::string digits = std::to_string(options_.version);
  digits.insert(0, kRdbHeaderBytes - kRdbMagic.size() - digits.size(), '0');
  main_.bytes.append(kRdbMagic).append(digits);
}

void RdbFileWriter::Aux(std::string_view name, std::string_view value) {
  Opcode(RdbOpcode::kAux);
  main_.writer.String(name);
  main_.writer.String(value);
}

void RdbFileWriter::Function(std::string_view library) {
  Opcode(RdbOpcode::kFunction);
  main_.writer.String(library);
}

void RdbFileWriter::Select(int db_index) {
  if (db_index == selected_db_) return;
  selected_db_ = db_index;
  Opcode(RdbOpcode::kSelectDb);
  keys().writer.Length(static_cast<std::uint64_t>(db_index));
}

void RdbFileWriter::ResizeDb(int db_index, std::uint64_t keys, std::uint64_t keys_with_expiry) {
  Select(db_index);
  Opcode(RdbOpcode::kResizeDb);
  main_.writer.Length(keys);
  main_.writer.Length(keys_with_expiry);
}

void RdbFileWriter::KeyPrefix(int db_index, std::optional<std::int64_t> expire_at_ms,
                              const RdbAccess& access) {
  Select(db_index);
  if (expire_at_ms) {
    Opcode(RdbOpcode::kExpireMs);
    keys().writer.LittleEndian(static_cast<std::uint64_t>(*expire_at_ms), 8);
  }
  if (access.idle_seconds) {
    Opcode(RdbOpcode::kIdle);
    keys().writer.Length(*access.idle_seconds);
  }
  if (access.frequency) {
    Opcode(RdbOpcode::kFrequency);
    keys().bytes.push_back(static_cast<char>(*access.frequency));
  }
}

void RdbFileWriter::Key(int db_index, Keyspace& keyspace, const Entry& entry,
                        const RdbAccess& access) {
  KeyPrefix(db_index, entry.expire_at_ms(), access);
  keys().writer.SetKey(entry.key());
  WriteRdbValue(keys().writer, keyspace, entry);
  ++keys_written_;
  if (main_.bytes.size() >= RdbWriter::kChunkBytes) Flush();
}

void RdbFileWriter::BeginValue(const SnapshotValue& value) {
  KeyPrefix(value.db_index, value.expire_at_ms, value.access);
  main_.writer.SetKey(value.key);
  main_.writer.Type(TypeOfElements(value.type));
  main_.writer.Length(value.element_count);
  value_ = &value;
}

void RdbFileWriter::Element(const ValueElement& element) {
  WriteRdbElement(main_.writer, value_->type, element);
}

void RdbFileWriter::EndValue() {
  value_ = nullptr;
  ++keys_written_;
  main_.bytes += waiting_.bytes;
  waiting_.bytes = {};
  if (main_.bytes.size() >= RdbWriter::kChunkBytes) Flush();
}

void RdbFileWriter::End() {
  Opcode(RdbOpcode::kEnd);
  Flush();
  const std::uint64_t checksum = checksum_;
  main_.writer.LittleEndian(options_.has_checksum ? checksum : 0, kRdbChecksumBytes);
  Flush();
}

}  // namespace slotway::storage
