// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/rdb_extent.h"

namespace slotway::storage {

struct RdbExtent::Grammar {
  static constexpr Part kStringPart{Kind::kString};
  static constexpr Part kLengthPart{Kind::kLength};

  static constexpr Part kString[] = {kStringPart};
  static constexpr Part kTwoStrings[] = {kStringPart, kStringPart};
  static constexpr Part kLength[] = {kLengthPart};
  static constexpr Part kTwoLengths[] = {kLengthPart, kLengthPart};
  static constexpr Part kByte[] = {Part::Raw(1)};
  static constexpr Part kFourBytes[] = {Part::Raw(4)};
  static constexpr Part kEightBytes[] = {Part::Raw(8)};

  // Behind types: the key, then the value.
  static constexpr Part kKeyAndStrings[] = {kStringPart, Part::Repeat(kString)};
  static constexpr Part kKeyAndPairs[] = {kStringPart, Part::Repeat(kTwoStrings)};
  static constexpr Part kScoredAsText[] = {kStringPart, {Kind::kTextScore}};
  static constexpr Part kKeyAndTextScores[] = {kStringPart, Part::Repeat(kScoredAsText)};
  static constexpr Part kScored[] = {kStringPart, Part::Raw(8)};
  static constexpr Part kKeyAndScores[] = {kStringPart, Part::Repeat(kScored)};
  static constexpr Part kNode[] = {kLengthPart, kStringPart};
  static constexpr Part kKeyAndNodes[] = {kStringPart, Part::Repeat(kNode)};

  // Streams: see rdb_stream.cpp.
  static constexpr Part kPending[] = {Part::Raw(16), Part::Raw(8), kLengthPart};
  static constexpr Part kPendingOfConsumer[] = {Part::Raw(16)};
  static constexpr Part kConsumer[] = {kStringPart, Part::Raw(8), Part::Repeat(kPendingOfConsumer)};
  static constexpr Part kConsumer3[] = {kStringPart, Part::Raw(8), Part::Raw(8),
                                        Part::Repeat(kPendingOfConsumer)};
  static constexpr Part kGroup[] = {kStringPart, kLengthPart, kLengthPart, Part::Repeat(kPending),
                                    Part::Repeat(kConsumer)};
  static constexpr Part kGroup2[] = {kStringPart,
                                     kLengthPart,
                                     kLengthPart,
                                     kLengthPart,
                                     Part::Repeat(kPending),
                                     Part::Repeat(kConsumer)};
  static constexpr Part kGroup3[] = {kStringPart,
                                     kLengthPart,
                                     kLengthPart,
                                     kLengthPart,
                                     Part::Repeat(kPending),
                                     Part::Repeat(kConsumer3)};
  static constexpr Part kStream[] = {kStringPart, Part::Repeat(kTwoStrings),
                                     kLengthPart, kLengthPart,
                                     kLengthPart, Part::Repeat(kGroup)};
  static constexpr Part kStream2[] = {kStringPart,          Part::Repeat(kTwoStrings),
                                      kLengthPart,          kLengthPart,
                                      kLengthPart,          kLengthPart,
                                      kLengthPart,          kLengthPart,
                                      kLengthPart,          kLengthPart,
                                      Part::Repeat(kGroup2)};
  static constexpr Part kStream3[] = {kStringPart,          Part::Repeat(kTwoStrings),
                                      kLengthPart,          kLengthPart,
                                      kLengthPart,          kLengthPart,
                                      kLengthPart,          kLengthPart,
                                      kLengthPart,          kLengthPart,
                                      Part::Repeat(kGroup3)};

  static std::span<const Part> OfType(RdbType type) {
    switch (type) {
      case RdbType::kString:
      case RdbType::kHashZipmap:
      case RdbType::kListZiplist:
      case RdbType::kSetIntset:
      case RdbType::kSortedSetZiplist:
      case RdbType::kHashZiplist:
      case RdbType::kHashListpack:
      case RdbType::kSortedSetListpack:
      case RdbType::kSetListpack:
        return kTwoStrings;
      case RdbType::kList:
      case RdbType::kSet:
      case RdbType::kQuicklist:
        return kKeyAndStrings;
      case RdbType::kHash:
        return kKeyAndPairs;
      case RdbType::kSortedSet:
        return kKeyAndTextScores;
      case RdbType::kSortedSet2:
        return kKeyAndScores;
      case RdbType::kQuicklist2:
        return kKeyAndNodes;
      case RdbType::kStreamListpacks:
        return kStream;
      case RdbType::kStreamListpacks2:
        return kStream2;
      case RdbType::kStreamListpacks3:
        return kStream3;
    }
    return {};
  }
};

RdbExtent::Status RdbExtent::Begin(std::span<const Part> parts) {
  frames_.clear();
  at_ = missing_ = 0;
  is_bad_ = parts.empty();
  if (is_bad_) return Status::kBad;
  frames_.push_back({parts});
  missing_ = 1;
  return Status::kNeedsMore;
}

RdbExtent::Status RdbExtent::BeginOpcode(RdbOpcode opcode) {
  switch (opcode) {
    case RdbOpcode::kFunction:
      return Begin(Grammar::kString);
    case RdbOpcode::kAux:
      return Begin(Grammar::kTwoStrings);
    case RdbOpcode::kResizeDb:
      return Begin(Grammar::kTwoLengths);
    case RdbOpcode::kSelectDb:
    case RdbOpcode::kIdle:
      return Begin(Grammar::kLength);
    case RdbOpcode::kFrequency:
      return Begin(Grammar::kByte);
    case RdbOpcode::kExpireMs:
    case RdbOpcode::kEnd:
      return Begin(Grammar::kEightBytes);
    case RdbOpcode::kExpireSeconds:
      return Begin(Grammar::kFourBytes);
    case RdbOpcode::kModuleAux:
      return Status::kModule;
    case RdbOpcode::kFunctionOfCandidate:
      break;
  }
  return Status::kBad;
}

RdbExtent::Status RdbExtent::BeginKeyAndValue(std::uint8_t type) {
  constexpr std::uint8_t kModule = 6;
  constexpr std::uint8_t kModule2 = 7;
  if (type == kModule || type == kModule2) return Status::kModule;
  return Begin(Grammar::OfType(static_cast<RdbType>(type)));
}

RdbExtent::Status RdbExtent::Continue(std::string_view bytes) {
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (frame.next == frame.parts.size()) {
      if (frame.rounds_left == 0) {
        frames_.pop_back();
      } else {
        --frame.rounds_left;
        frame.next = 0;
      }
      continue;
    }
    const Part& part = frame.parts[frame.next];
    if (!Pass(part, bytes)) return is_bad_ ? Status::kBad : Status::kNeedsMore;
  }
  return Status::kComplete;
}

bool RdbExtent::Pass(const Part& part, std::string_view bytes) {
  const std::size_t frame = frames_.size() - 1;
  std::size_t from = at_;
  std::uint64_t value = 0;
  bool is_encoding = false;
  switch (part.kind) {
    case Kind::kString:
      if (!PassString(bytes)) return false;
      break;
    case Kind::kRaw:
      if (!PassRaw(part.raw_bytes, bytes)) return false;
      break;
    case Kind::kTextScore: {
      constexpr std::uint8_t kNoDigits = 253;  // and beyond: it stands for a value
      if (!PassRaw(1, bytes)) return false;
      const auto digits = static_cast<std::uint8_t>(bytes[from]);
      if (digits < kNoDigits && !PassRaw(digits, bytes)) {
        at_ = from;
        missing_ = std::size_t{1} + digits;
        return false;
      }
      break;
    }
    case Kind::kLength:
    case Kind::kRepeat:
      if (!ReadLength(bytes, from, value, is_encoding)) return false;
      is_bad_ = is_encoding;
      if (is_bad_) return false;
      at_ = from;
      if (part.kind == Kind::kRepeat && value > 0) {
        ++frames_[frame].next;
        frames_.push_back({part.repeated, 0, value - 1});
        return true;
      }
      break;
  }
  ++frames_[frame].next;
  return true;
}

bool RdbExtent::PassRaw(std::uint64_t count, std::string_view bytes) {
  const std::size_t there = bytes.size() - at_;
  if (count > there) {
    missing_ = static_cast<std::size_t>(count);
    return false;
  }
  at_ += static_cast<std::size_t>(count);
  return true;
}

bool RdbExtent::PassString(std::string_view bytes) {
  constexpr std::uint64_t kLzf = 3;
  const std::size_t begin = at_;
  std::size_t from = at_;
  std::uint64_t value = 0;
  bool is_encoding = false;
  if (!ReadLength(bytes, from, value, is_encoding)) return false;
  if (is_encoding && value > kLzf) {
    is_bad_ = true;
    return false;
  }
  std::uint64_t count = value;
  if (is_encoding && value < kLzf) count = std::uint64_t{1} << value;
  if (is_encoding && value == kLzf) {
    std::uint64_t whole_bytes = 0;
    bool is_odd = false;
    if (!ReadLength(bytes, from, count, is_odd)) return false;
    if (!is_odd && !ReadLength(bytes, from, whole_bytes, is_odd)) return false;
    is_bad_ = is_odd;
    if (is_bad_) return false;
  }
  at_ = from;
  if (PassRaw(count, bytes)) return true;
  missing_ += from - begin;
  at_ = begin;
  return false;
}

bool RdbExtent::ReadLength(std::string_view bytes, std::size_t& from, std::uint64_t& value,
                           bool& is_encoding) {
  constexpr std::size_t kLongest = 9;
  if (from < bytes.size()) {
    const auto first = static_cast<std::uint8_t>(bytes[from]);
    const std::size_t length = first >> 6 == 1 ? 2
                               : first == 0x80 ? 5
                               : first == 0x81 ? kLongest
                                               : 1;
    is_bad_ = first >> 6 == 2 && length == 1;
    if (is_bad_) return false;
    if (length <= bytes.size() - from) {
      RdbReader reader(bytes.substr(from, length));
      is_encoding = first >> 6 == 3;
      value = is_encoding ? first & 0x3f : reader.Length();
      from += length;
      return true;
    }
  }
  missing_ = from - at_ + 1;
  return false;
}

}  // namespace slotway::storage
