// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/bus_message.h"

#include <algorithm>
#include <array>
#include <utility>

#include "storage/persistence/byte_reader.h"

namespace slotway::storage::cluster {
namespace {

using runtime::Fail;
using runtime::Result;

constexpr std::string_view kSignature = "RCmb";
constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kLightBit = 0x8000;
constexpr std::size_t kLightHeaderBytes = 16;
constexpr std::size_t kIpBytes = 46;
constexpr std::size_t kReservedBytes = 30;
constexpr std::size_t kGossipBytes = 104;
constexpr std::size_t kExtensionHeadBytes = 8;
constexpr std::size_t kHostnameBytesMax = 255;
constexpr std::size_t kKnownVoterBytes = 48;
static_assert(4 + 4 + 4 * 2 + 3 * 8 + 40 + SlotBitmap::kBytes + 40 + kIpBytes + 2 + kReservedBytes +
                      3 * 2 + 1 + 3 ==
                  kBusHeaderBytes,
              "the header's fields add up");
static_assert(40 + 4 + 4 + kIpBytes + 5 * 2 == kGossipBytes, "a gossip entry's fields add up");

enum ExtensionType : std::uint64_t {
  kHostnameExtension = 0,
  kHumanNameExtension = 1,
  kForgottenExtension = 2,
  kShardIdExtension = 3,
  // Ours alone, {slot u16, arriving u16, id[40]} for each behind their number u32. Who does not
  // know it skips it.
  kOpenSlotsExtension = 0x5357,
  kGrantExtension = 0x5358,   // first u16, last u16, 4 spare, config epoch u64
  kVotersExtension = 0x5359,  // {config epoch u64, id[40]} for each
};

constexpr std::array<std::pair<NodeFlag, std::uint16_t>, 8> kWireFlags{{
    {NodeFlag::kMaster, 1},
    {NodeFlag::kReplica, 2},
    {NodeFlag::kSuspected, 4},
    {NodeFlag::kFailed, 8},
    {NodeFlag::kMyself, 16},
    {NodeFlag::kHandshake, 32},
    {NodeFlag::kNoAddress, 64},
    {NodeFlag::kNoFailover, 512},
}};

// ---- Reading

NodeId ReadId(ByteReader& reader) {
  const std::string_view text = reader.Take(NodeId::kLength);
  const std::optional<NodeId> id = NodeId::Parse(text);
  if (!id) reader.Fail();
  return id.value_or(NodeId());
}

// Forty zeros: none.
std::optional<NodeId> ReadOptionalId(ByteReader& reader) {
  const std::string_view text = reader.Take(NodeId::kLength);
  if (std::all_of(text.begin(), text.end(), [](char c) { return c == 0; })) return std::nullopt;
  const std::optional<NodeId> id = NodeId::Parse(text);
  if (!id) reader.Fail();
  return id;
}

bool IsTextByte(char c) { return c > ' ' && c < 127 && c != ','; }

// A text that ends with a zero within its field. It gets into nodes.conf: no blanks, no commas.
std::string ReadText(ByteReader& reader, std::size_t field_bytes) {
  std::string_view text = reader.Take(field_bytes);
  const std::size_t end = text.find('\0');
  if (end == std::string_view::npos) {
    reader.Fail();
    return {};
  }
  text = text.substr(0, end);
  if (!std::all_of(text.begin(), text.end(), IsTextByte)) reader.Fail();
  return std::string(text);
}

std::uint16_t ReadShort(ByteReader& reader) {
  return static_cast<std::uint16_t>(reader.BigEndian(2));
}

std::uint32_t ReadWord(ByteReader& reader) {
  return static_cast<std::uint32_t>(reader.BigEndian(4));
}

SlotBitmap ReadSlots(ByteReader& reader) {
  const std::string_view bytes = reader.Take(SlotBitmap::kBytes);
  return reader.Ok() ? SlotBitmap(bytes) : SlotBitmap();
}

GossipEntry ReadGossip(ByteReader& reader) {
  GossipEntry entry;
  entry.id = ReadId(reader);
  entry.ping_sent_s = ReadWord(reader);
  entry.pong_received_s = ReadWord(reader);
  entry.ip = ReadText(reader, kIpBytes);
  entry.port = ReadShort(reader);
  entry.bus_port = ReadShort(reader);
  entry.wire_flags = ReadShort(reader);
  entry.plain_port = ReadShort(reader);
  reader.Take(2);
  return entry;
}

std::vector<OpenSlot> ReadOpenSlots(ByteReader& reader) {
  std::vector<OpenSlot> slots;
  const std::uint32_t count = ReadWord(reader);
  for (std::uint32_t i = 0; i < count && reader.Ok(); ++i) {
    OpenSlot open;
    const std::uint16_t slot = ReadShort(reader);
    if (slot >= protocol::kSlotCount) reader.Fail();
    open.slot = protocol::Slot(slot);
    open.is_arriving = ReadShort(reader) != 0;
    open.peer = ReadId(reader);
    slots.push_back(open);
  }
  return slots;
}

void ReadExtension(ByteReader& reader, BusMessage& message) {
  const std::size_t length = ReadWord(reader);
  const std::uint64_t type = reader.BigEndian(2);
  reader.Take(2);
  if (length < kExtensionHeadBytes || length % 8 != 0) return reader.Fail();
  ByteReader body(reader.Take(length - kExtensionHeadBytes));
  const std::size_t body_bytes = length - kExtensionHeadBytes;
  switch (type) {
    case kHostnameExtension:
      message.hostname = ReadText(body, body_bytes);
      if (message.hostname->size() > kHostnameBytesMax) body.Fail();
      break;
    case kHumanNameExtension:
      message.human_name = ReadText(body, body_bytes);
      if (message.human_name->size() > kHostnameBytesMax) body.Fail();
      break;
    case kForgottenExtension: {
      ForgottenNode forgotten{.id = ReadId(body)};
      forgotten.ttl_s = body.BigEndian(8);
      message.forgotten.push_back(forgotten);
      break;
    }
    case kShardIdExtension:
      message.shard_id = ReadId(body);
      break;
    case kOpenSlotsExtension:
      message.open_slots = ReadOpenSlots(body);
      break;
    case kGrantExtension: {
      SlotGrant& grant = message.grant.emplace();
      grant.first = ReadShort(body);
      grant.last = ReadShort(body);
      body.Take(4);
      grant.config_epoch = Epoch(body.BigEndian(8));
      if (grant.first > grant.last || grant.last >= protocol::kSlotCount) body.Fail();
      break;
    }
    case kVotersExtension: {
      std::vector<KnownVoter>& voters = message.voters.emplace();
      // Each has a slot.
      if (body_bytes > kKnownVoterBytes * protocol::kSlotCount) return reader.Fail();
      for (std::size_t left = body_bytes; left != 0 && body.Ok(); left -= kKnownVoterBytes) {
        if (left < kKnownVoterBytes) return reader.Fail();
        const auto config_epoch = Epoch(body.BigEndian(8));
        voters.push_back({.id = ReadId(body), .config_epoch = config_epoch});
      }
      break;
    }
    default:
      break;  // of a newer version
  }
  if (!body.Ok()) reader.Fail();
}

void ReadPublish(ByteReader& reader, BusMessage& message) {
  const std::size_t channel_bytes = ReadWord(reader);
  const std::size_t payload_bytes = ReadWord(reader);
  message.channel = reader.Take(channel_bytes);
  message.payload = reader.Take(payload_bytes);
}

void ReadBody(ByteReader& reader, BusMessage& message, std::size_t count, std::size_t extensions) {
  switch (message.type) {
    case BusMessageType::kPing:
    case BusMessageType::kPong:
    case BusMessageType::kMeet:
      for (std::size_t i = 0; i < count && reader.Ok(); ++i) {
        message.gossip.push_back(ReadGossip(reader));
      }
      for (std::size_t i = 0; i < extensions && reader.Ok(); ++i) ReadExtension(reader, message);
      break;
    case BusMessageType::kFail:
      message.failed = ReadId(reader);
      break;
    case BusMessageType::kPublish:
    case BusMessageType::kShardPublish:
      ReadPublish(reader, message);
      break;
    case BusMessageType::kUpdate:
      message.update.config_epoch = Epoch(reader.BigEndian(8));
      message.update.owner = ReadId(reader);
      message.update.slots = ReadSlots(reader);
      break;
    case BusMessageType::kModule: {
      reader.Take(8);
      const std::size_t bytes = ReadWord(reader);
      reader.Take(4);
      reader.Take(bytes);
      break;
    }
    case BusMessageType::kVoteRequest:
    case BusMessageType::kVote:
    case BusMessageType::kManualFailoverStart:
      break;
  }
}

// ---- Writing

void Put(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0;) out += static_cast<char>(value >> (8 * i) & 0xff);
}

void PutText(std::string& out, std::string_view text, std::size_t field_bytes) {
  text = text.substr(0, field_bytes - 1);
  out += text;
  out.append(field_bytes - text.size(), '\0');
}

void PutGossip(std::string& out, const GossipEntry& entry) {
  out += entry.id.Text();
  Put(out, entry.ping_sent_s, 4);
  Put(out, entry.pong_received_s, 4);
  PutText(out, entry.ip, kIpBytes);
  Put(out, entry.port, 2);
  Put(out, entry.bus_port, 2);
  Put(out, entry.wire_flags, 2);
  Put(out, entry.plain_port, 2);
  Put(out, 0, 2);
}

void PutExtension(std::string& out, ExtensionType type, std::string_view body) {
  const std::size_t length = (kExtensionHeadBytes + body.size() + 7) / 8 * 8;
  Put(out, length, 4);
  Put(out, type, 2);
  Put(out, 0, 2);
  out += body;
  out.append(length - kExtensionHeadBytes - body.size(), '\0');
}

// Returns how many there are.
std::size_t PutExtensions(std::string& out, const BusMessage& message) {
  std::size_t count = message.forgotten.size();
  auto text = [&](ExtensionType type, const std::optional<std::string>& value) {
    if (!value) return;
    PutExtension(out, type, *value + '\0');
    ++count;
  };
  text(kHostnameExtension, message.hostname);
  text(kHumanNameExtension, message.human_name);
  for (const ForgottenNode& forgotten : message.forgotten) {
    std::string body(forgotten.id.Text());
    Put(body, forgotten.ttl_s, 8);
    PutExtension(out, kForgottenExtension, body);
  }
  if (message.shard_id) {
    PutExtension(out, kShardIdExtension, message.shard_id->Text());
    ++count;
  }
  if (message.grant) {
    std::string body;
    Put(body, message.grant->first, 2);
    Put(body, message.grant->last, 2);
    Put(body, 0, 4);
    Put(body, ToInt(message.grant->config_epoch), 8);
    PutExtension(out, kGrantExtension, body);
    ++count;
  }
  if (message.voters) {
    std::string body;
    for (const KnownVoter& voter : *message.voters) {
      Put(body, ToInt(voter.config_epoch), 8);
      body += voter.id.Text();
    }
    PutExtension(out, kVotersExtension, body);
    ++count;
  }
  if (message.open_slots) {
    std::string body;
    Put(body, message.open_slots->size(), 4);
    for (const OpenSlot& open : *message.open_slots) {
      Put(body, static_cast<std::uint64_t>(protocol::ToInt(open.slot)), 2);
      Put(body, open.is_arriving ? 1 : 0, 2);
      body += open.peer.Text();
    }
    PutExtension(out, kOpenSlotsExtension, body);
    ++count;
  }
  return count;
}

void PutPublish(std::string& out, const BusMessage& message) {
  Put(out, message.channel.size(), 4);
  Put(out, message.payload.size(), 4);
  out += message.channel;
  out += message.payload;
}

std::string BodyOf(const BusMessage& message, std::size_t& extensions) {
  std::string body;
  switch (message.type) {
    case BusMessageType::kPing:
    case BusMessageType::kPong:
    case BusMessageType::kMeet:
      for (const GossipEntry& entry : message.gossip) PutGossip(body, entry);
      extensions = PutExtensions(body, message);
      break;
    case BusMessageType::kFail:
      body = message.failed.Text();
      break;
    case BusMessageType::kPublish:
    case BusMessageType::kShardPublish:
      PutPublish(body, message);
      break;
    case BusMessageType::kUpdate:
      Put(body, ToInt(message.update.config_epoch), 8);
      body += message.update.owner.Text();
      body += message.update.slots.Bytes();
      break;
    case BusMessageType::kModule:
      body.append(16, '\0');
      break;
    case BusMessageType::kVoteRequest:
    case BusMessageType::kVote:
    case BusMessageType::kManualFailoverStart:
      break;
  }
  return body;
}

}  // namespace

NodeFlags FlagsFromWire(std::uint16_t wire_flags) {
  NodeFlags flags;
  for (const auto& [flag, bit] : kWireFlags) {
    if ((wire_flags & bit) != 0) flags.Set(flag);
  }
  return flags;
}

std::uint16_t FlagsToWire(NodeFlags flags) {
  unsigned wire_flags = 0;
  for (const auto& [flag, bit] : kWireFlags) {
    if (flags.Has(flag)) wire_flags |= bit;
  }
  return static_cast<std::uint16_t>(wire_flags);
}

bool BusMessage::HasFlag(NodeFlag flag) const { return FlagsFromWire(wire_flags).Has(flag); }

Result<std::size_t> BusMessageLength(std::string_view bytes) {
  if (bytes.size() < kBusPeekBytes) return 0u;
  ByteReader reader(bytes);
  if (reader.Take(4) != kSignature) return Fail("not the protocol of the cluster bus");
  const std::size_t length = ReadWord(reader);
  if (length < kLightHeaderBytes || length > kBusMessageBytesMax) {
    return Fail("a message of the cluster bus of " + std::to_string(length) + " bytes");
  }
  return length;
}

Result<BusMessage> DecodeBusMessage(std::string_view bytes) {
  ByteReader reader(bytes);
  if (reader.Take(4) != kSignature) return Fail("not the protocol of the cluster bus");
  const std::size_t length = ReadWord(reader);
  const std::uint64_t version = reader.BigEndian(2);
  BusMessage message;
  message.port = ReadShort(reader);
  const std::uint64_t type = reader.BigEndian(2);
  const std::size_t count = ReadShort(reader);
  if (!reader.Ok() || length != bytes.size()) return Fail("a bus message of the wrong length");
  if (version != kVersion) return Fail("version " + std::to_string(version) + " of the bus");
  message.is_light = (type & kLightBit) != 0;
  if ((type & ~kLightBit) >= kBusMessageTypes) {
    return Fail("a bus message of type " + std::to_string(type));
  }
  message.type = static_cast<BusMessageType>(type & ~kLightBit);
  const bool is_publish =
      message.type == BusMessageType::kPublish || message.type == BusMessageType::kShardPublish;
  if (message.is_light && !is_publish) return Fail("a light bus message that is no PUBLISH");
  std::size_t extensions = 0;
  if (!message.is_light) {
    message.current_epoch = Epoch(reader.BigEndian(8));
    message.config_epoch = Epoch(reader.BigEndian(8));
    message.offset = static_cast<std::int64_t>(reader.BigEndian(8));
    message.sender = ReadId(reader);
    message.slots = ReadSlots(reader);
    message.master = ReadOptionalId(reader);
    message.ip = ReadText(reader, kIpBytes);
    extensions = ReadShort(reader);
    reader.Take(kReservedBytes);
    message.plain_port = ReadShort(reader);
    message.bus_port = ReadShort(reader);
    message.wire_flags = ReadShort(reader);
    message.is_cluster_ok = reader.Byte() == 0;
    message.message_flags = reader.Byte();
    reader.Take(2);
  }
  ReadBody(reader, message, count, extensions);
  if (!reader.Ok() || !reader.AtEnd()) return Fail("a bus message whose parts do not fit");
  return message;
}

void EncodeBusMessage(const BusMessage& message, std::string& out) {
  std::size_t extensions = 0;
  const std::string body = BodyOf(message, extensions);
  const auto type = static_cast<std::uint64_t>(message.type);
  out += kSignature;
  Put(out, (message.is_light ? kLightHeaderBytes : kBusHeaderBytes) + body.size(), 4);
  Put(out, kVersion, 2);
  Put(out, message.port, 2);
  Put(out, message.is_light ? type | kLightBit : type, 2);
  Put(out, message.gossip.size(), 2);
  if (!message.is_light) {
    Put(out, ToInt(message.current_epoch), 8);
    Put(out, ToInt(message.config_epoch), 8);
    Put(out, static_cast<std::uint64_t>(message.offset), 8);
    out += message.sender.Text();
    out += message.slots.Bytes();
    out += message.master ? message.master->Text() : std::string_view();
    if (!message.master) out.append(NodeId::kLength, '\0');
    PutText(out, message.ip, kIpBytes);
    Put(out, extensions, 2);
    out.append(kReservedBytes, '\0');
    Put(out, message.plain_port, 2);
    Put(out, message.bus_port, 2);
    Put(out, message.wire_flags, 2);
    Put(out, message.is_cluster_ok ? 0 : 1, 1);
    Put(out, message.message_flags, 1);
    Put(out, 0, 2);
  }
  out += body;
}

}  // namespace slotway::storage::cluster
