// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/rdb_file_reader.h"

#include <algorithm>
#include <charconv>

#include "protocol/slot.h"
#include "protocol/crc64.h"
#include "storage/persistence/rdb_value.h"

namespace slotway::storage {
namespace {

constexpr std::uint8_t kFirstOpcode = static_cast<std::uint8_t>(RdbOpcode::kFunction);

}  // namespace

RdbFileReader::Status RdbFileReader::Feed(std::string_view bytes, std::size_t& taken) {
  taken = 0;
  if (status_ != Status::kReading) return status_;
  if (pending_.empty()) {
    const std::size_t parsed = Parse(bytes);
    taken = parsed;
    if (status_ != Status::kReading) return status_;
    pending_.assign(bytes.substr(parsed));
    taken = bytes.size();
    return status_;
  }
  const std::size_t before = pending_.size();
  pending_.append(bytes);
  const std::size_t parsed = Parse(pending_);
  taken = status_ == Status::kDone ? parsed - std::min(before, parsed) : bytes.size();
  if (status_ == Status::kReading) {
    pending_.erase(0, parsed);
  } else {
    pending_ = std::string();
  }
  return status_;
}

std::string RdbFileReader::ErrorOfEnd() const {
  std::string text = "the file ends too early, after ";
  return text.append(std::to_string(BytesRead())).append(" bytes");
}

std::size_t RdbFileReader::Parse(std::string_view bytes) {
  std::size_t at = 0;
  const auto finish_part = [&](std::size_t end) {
    checksum_ = protocol::Crc64(bytes.substr(at, end - at), checksum_);
    offset_ += end - at;
    at = end;
  };
  if (stage_ == Stage::kHeader) {
    if (bytes.size() < kRdbHeaderBytes) return 0;
    if (!ParseHeader(bytes)) return 0;
    finish_part(kRdbHeaderBytes);
    stage_ = Stage::kOpcode;
  }
  while (status_ == Status::kReading) {
    if (stage_ == Stage::kOpcode) {
      if (at == bytes.size()) break;
      const auto opcode = static_cast<std::uint8_t>(bytes[at]);
      finish_part(at + 1);
      BeginElement(opcode);
      continue;
    }
    const std::string_view rest = bytes.substr(at);
    if (rest.size() < extent_.BytesWanted()) break;
    const RdbExtent::Status extent = extent_.Continue(rest);
    if (extent == RdbExtent::Status::kNeedsMore) break;
    if (extent == RdbExtent::Status::kBad) {
      Fail("what is there is no length or string");
      break;
    }
    const std::string_view element = rest.substr(0, extent_.Bytes());
    if (opcode_ == static_cast<std::uint8_t>(RdbOpcode::kEnd)) {
      EndFile(element);
      at += element.size();
      offset_ += element.size();
      break;
    }
    stage_ = Stage::kOpcode;
    EndElement(element);
    if (status_ == Status::kReading) finish_part(at + element.size());
  }
  return at;
}

bool RdbFileReader::ParseHeader(std::string_view bytes) {
  const std::string_view digits =
      bytes.substr(kRdbMagic.size(), kRdbHeaderBytes - kRdbMagic.size());
  if (!bytes.starts_with(kRdbMagic)) {
    Fail("it does not begin as an RDB file");
    return false;
  }
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), version_);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
    Fail("its version is no number");
    return false;
  }
  if (version_ < kRdbVersionReadMin || version_ > kRdbVersionReadMax) {
    Fail("RDB version " + std::to_string(version_) + " cannot be read: only " +
         std::to_string(kRdbVersionReadMin) + " to " + std::to_string(kRdbVersionReadMax));
    return false;
  }
  return true;
}

void RdbFileReader::BeginElement(std::uint8_t opcode) {
  opcode_ = opcode;
  if (opcode == static_cast<std::uint8_t>(RdbOpcode::kEnd) && version_ < kRdbVersionOfChecksum) {
    status_ = Status::kDone;
    return;
  }
  stage_ = Stage::kElement;
  const RdbExtent::Status status = opcode >= kFirstOpcode
                                       ? extent_.BeginOpcode(static_cast<RdbOpcode>(opcode))
                                       : extent_.BeginKeyAndValue(opcode);
  if (status == RdbExtent::Status::kModule) {
    Fail("it holds data of a module, and no modules can be loaded");
  } else if (opcode == static_cast<std::uint8_t>(RdbOpcode::kFunctionOfCandidate)) {
    Fail("it holds functions as release candidates of Redis 7.0 wrote them");
  } else if (status == RdbExtent::Status::kBad) {
    Fail("there is no type or opcode " + std::to_string(opcode));
  }
}

void RdbFileReader::EndElement(std::string_view element) {
  if (opcode_ < kFirstOpcode) return EndKey(element);
  RdbReader reader(element);
  switch (static_cast<RdbOpcode>(opcode_)) {
    case RdbOpcode::kFunction:
      reader.String(text_);
      if (!reader.Ok()) break;
      if (const auto reason = target_.Function(text_)) Fail("a library of functions: " + *reason);
      return;
    case RdbOpcode::kAux:
      reader.String(key_);
      reader.String(text_);
      if (!reader.Ok()) break;
      if (options_.keeps_due_keys_of_history && key_ == "repl-id") options_.drops_due_keys = false;
      return target_.Aux(key_, text_);
    case RdbOpcode::kSelectDb: {
      const std::uint64_t index = reader.Length();
      database_ = target_.Database(index);
      if (database_ == nullptr) Fail("there is no database " + std::to_string(index) + " here");
      return;
    }
    case RdbOpcode::kExpireMs:
      expire_at_ms_ = static_cast<std::int64_t>(reader.LittleEndian(8));
      return;
    case RdbOpcode::kExpireSeconds:
      expire_at_ms_ = static_cast<std::int32_t>(reader.LittleEndian(4)) * std::int64_t{1000};
      return;
    case RdbOpcode::kIdle:
      idle_seconds_ = reader.Length();
      return;
    case RdbOpcode::kFrequency:
      frequency_ = reader.Byte();
      return;
    case RdbOpcode::kResizeDb:
      return;  // tables grow without a pause: there is nothing to prepare
    case RdbOpcode::kFunctionOfCandidate:
    case RdbOpcode::kModuleAux:
    case RdbOpcode::kEnd:
      break;
  }
  Fail("a string in it is no good");
}

void RdbFileReader::EndKey(std::string_view element) {
  RdbReader reader(element);
  reader.String(key_);
  if (database_ == nullptr) database_ = target_.Database(0);
  const bool is_due = expire_at_ms_ && *expire_at_ms_ < options_.now_ms;
  if (!reader.Ok()) {
    Fail("the name of a key is no good");
  } else if (options_.drops_due_keys && is_due) {
    ++keys_dropped_;
  } else {
    StoreKey(key_, reader);
  }
  expire_at_ms_.reset();
  idle_seconds_.reset();
  frequency_.reset();
}

void RdbFileReader::StoreKey(std::string_view name, RdbReader& value) {
  const KeyRef key{protocol::SlotOfKey(name), name};
  const bool exists = database_->Exists(key.slot, key.key, options_.now_ms);
  if (exists && options_.existing == RdbExisting::kIsError) {
    return Fail("the key '" + std::string(name) + "' is there already");
  }
  const RestoreTarget target{*database_, key, options_.limits, options_.now_ms};
  const RestoreResult result = ReadRdbValue(static_cast<RdbType>(opcode_), value, target);
  if (result != RestoreResult::kDone) {
    return Fail("the value of the key '" + std::string(name) + "', of type " +
                std::to_string(opcode_) + ", is no good");
  }
  ++keys_loaded_;
  if (expire_at_ms_ || idle_seconds_ || frequency_) ApplyAccess(key);
}

void RdbFileReader::ApplyAccess(const KeyRef& key) {
  Entry entry = database_->Find(key.slot, key.key, options_.now_ms, Access::kPeek);
  if (!entry) return;
  if (frequency_ && options_.is_lfu) database_->SetFrequency(entry, *frequency_, options_.now_ms);
  if (idle_seconds_ && !options_.is_lfu) {
    constexpr std::uint64_t kIdleMax = std::uint64_t{1} << 40;
    database_->SetIdleSeconds(entry, static_cast<std::int64_t>(std::min(*idle_seconds_, kIdleMax)),
                              options_.now_ms);
  }
  if (expire_at_ms_) database_->SetExpiry(entry, *expire_at_ms_);
}

void RdbFileReader::EndFile(std::string_view element) {
  RdbReader reader(element);
  const std::uint64_t stored = reader.LittleEndian(kRdbChecksumBytes);
  if (stored != 0 && stored != checksum_) return Fail("CRC error: the checksum does not match");
  status_ = Status::kDone;
}

void RdbFileReader::Fail(std::string_view reason) {
  status_ = Status::kFailed;
  error_ = std::string(reason) + ", at byte " + std::to_string(offset_);
}

}  // namespace slotway::storage
