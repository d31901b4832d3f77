// SPDX-License-Identifier: Apache-2.0
// A message of the cluster bus, and its bytes on the wire of Redis 7.0 and Valkey 8.
//
// Values without I/O; any thread. Everything is big endian:
//
//     0 'RCmb'       4 length u32      8 version=1 u16   10 port u16
//    12 type u16    14 count u16      16 current epoch   24 config epoch    32 offset u64
//    40 sender id[40]      80 slots[2048]     2128 master id[40], zeros: none
//  2168 own ip[46]       2214 extensions u16  2216 reserved[30]
//  2246 plain port       2248 bus port        2250 flags   2252 state   2253 message flags[3]
//  2256 the body: `count` gossip entries and extensions, or what the type says
//
// Gossip entry (104): id[40] ping_sent_s u32, pong_received_s u32, ip[46], port, bus port, flags,
// plain port, 2 spare. Extension: {length u32 with this head, a multiple of 8; type u16; 0 u16}.
// A light message (type | 0x8000) has 16 bytes of head and no sender. The decoder takes nothing on
// trust: a length that does not fit its parts, an id that is none, a text without an end are
// errors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "storage/cluster/node_id.h"
#include "storage/cluster/slot_bitmap.h"

namespace slotway::storage::cluster {

enum class BusMessageType : std::uint16_t {
  kPing = 0,
  kPong = 1,
  kMeet = 2,
  kFail = 3,
  kPublish = 4,
  kVoteRequest = 5,
  kVote = 6,
  kUpdate = 7,
  kManualFailoverStart = 8,
  kModule = 9,
  kShardPublish = 10,
};
inline constexpr std::size_t kBusMessageTypes = 11;

constexpr bool CarriesGossip(BusMessageType type) {
  return type == BusMessageType::kPing || type == BusMessageType::kPong ||
         type == BusMessageType::kMeet;
}

// Message flags.
inline constexpr std::uint8_t kBusPaused = 1;      // the sender holds back writes: manual failover
inline constexpr std::uint8_t kBusForceAck = 2;    // vote although the master is well
inline constexpr std::uint8_t kBusExtensions = 4;  // the sender understands extensions
// Not of Redis, which ignores it: the sender serves nothing, since its replicas have more of its
// data than it has.
inline constexpr std::uint8_t kBusLacksData = 128;

inline constexpr std::size_t kBusHeaderBytes = 2256;
inline constexpr std::size_t kBusPeekBytes = 8;
// Larger ones are refused before they are read: PUBLISH has at most a client's largest argument.
inline constexpr std::size_t kBusMessageBytesMax = 600u << 20;

struct GossipEntry {
  NodeId id;
  std::uint32_t ping_sent_s = 0;
  std::uint32_t pong_received_s = 0;
  std::string ip;
  std::uint16_t port = 0;
  std::uint16_t bus_port = 0;
  std::uint16_t wire_flags = 0;
  std::uint16_t plain_port = 0;
  bool operator==(const GossipEntry&) const = default;
};

struct ForgottenNode {
  NodeId id;
  std::uint64_t ttl_s = 0;
  bool operator==(const ForgottenNode&) const = default;
};

// A slot that its owner gives away, or that comes to the sender.
struct OpenSlot {
  protocol::Slot slot{0};
  bool is_arriving = false;
  NodeId peer;
  bool operator==(const OpenSlot&) const = default;
};

// What whoever forms a cluster asks a new node to take.
struct SlotGrant {
  std::uint16_t first = 0;
  std::uint16_t last = 0;  // inclusive
  Epoch config_epoch{0};
  bool operator==(const SlotGrant&) const = default;
};

// A voter that the sender knows, and the epoch in which it took its slots.
struct KnownVoter {
  NodeId id;
  Epoch config_epoch{0};
  bool operator==(const KnownVoter&) const = default;
};

// What UPDATE says: whose these slots are, since which epoch.
struct SlotsUpdate {
  NodeId owner;
  Epoch config_epoch{0};
  SlotBitmap slots;
  bool operator==(const SlotsUpdate&) const = default;
};

struct BusMessage {
  BusMessageType type = BusMessageType::kPing;
  bool is_light = false;  // only `channel` and `payload` mean something
  std::uint16_t port = 0;
  std::uint16_t bus_port = 0;
  std::uint16_t plain_port = 0;
  Epoch current_epoch{0};
  Epoch config_epoch{0};  // of a replica: its master's, as the slots are
  std::int64_t offset = 0;
  NodeId sender;
  SlotBitmap slots;
  std::optional<NodeId> master;
  std::string ip;  // announced; empty: take the address of the socket
  std::uint16_t wire_flags = 0;
  bool is_cluster_ok = false;
  std::uint8_t message_flags = 0;

  std::vector<GossipEntry> gossip;
  std::optional<std::string> hostname;
  std::optional<std::string> human_name;
  std::optional<NodeId> shard_id;
  std::vector<ForgottenNode> forgotten;
  // Only from a master of ours to replicas of ours: all that it has on the move.
  std::optional<std::vector<OpenSlot>> open_slots;
  std::optional<SlotGrant> grant;  // between nodes of ours only
  // Of one of ours that counts voters, for election or to be known as elected.
  std::optional<std::vector<KnownVoter>> voters;

  NodeId failed;  // FAIL
  SlotsUpdate update;
  std::string channel;  // PUBLISH, PUBLISHSHARD
  std::string payload;

  bool HasFlag(NodeFlag flag) const;
  bool HasMessageFlag(std::uint8_t flag) const { return (message_flags & flag) != 0; }
  bool operator==(const BusMessage&) const = default;
};

NodeFlags FlagsFromWire(std::uint16_t wire_flags);
std::uint16_t FlagsToWire(NodeFlags flags);

// Of a stream that begins with a message: how long that is; 0 while fewer than kBusPeekBytes are
// there. An error: this is no cluster bus.
runtime::Result<std::size_t> BusMessageLength(std::string_view bytes);
// `bytes` is one whole message.
runtime::Result<BusMessage> DecodeBusMessage(std::string_view bytes);
// An address of more than 45 bytes is cut off. REQUIRES: at most 65535 gossip entries.
void EncodeBusMessage(const BusMessage& message, std::string& out);

}  // namespace slotway::storage::cluster
