// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/bus_message.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "storage/cluster/cluster_fixture.h"

namespace slotway::storage::cluster {
namespace {

std::string CapturedBytes(const std::string& name) {
  std::ifstream file(std::string(SLOTWAY_TEST_DATA) + "/cluster/bus/" + name + ".bin",
                     std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

BusMessage Captured(const std::string& name) {
  auto message = DecodeBusMessage(CapturedBytes(name));
  EXPECT_TRUE(message.has_value()) << name << ": " << message.error().text;
  return message.value_or(BusMessage());
}

std::string Encoded(const BusMessage& message) {
  std::string bytes;
  EncodeBusMessage(message, bytes);
  return bytes;
}

BusMessage AnyMessage(BusMessageType type) {
  BusMessage message;
  message.type = type;
  message.sender = *NodeId::Parse(TestId(0));
  message.current_epoch = Epoch(9);
  message.config_epoch = Epoch(7);
  message.offset = 1234567890123;
  message.slots.Add(protocol::Slot(0));
  message.slots.Add(protocol::Slot(16383));
  message.ip = "10.1.2.3";
  message.port = 7000;
  message.bus_port = 17000;
  message.wire_flags = FlagsToWire(NodeFlags(NodeFlag::kMaster) | NodeFlag::kMyself);
  return message;
}

// Messages that redis-server 7.0.15 sent: what they say, and that we would send the same bytes.
TEST(BusMessageTest, WhatRedisSentIsReadAndWrittenTheSame) {
  for (const char* name : {"ping", "pong", "meet", "fail", "publish", "vote_request", "vote",
                           "update", "manual_failover_start", "shard_publish", "paused_ping"}) {
    const std::string bytes = CapturedBytes(name);
    auto message = DecodeBusMessage(bytes);
    ASSERT_TRUE(message.has_value()) << name << ": " << message.error().text;
    EXPECT_EQ(Encoded(*message), bytes) << name;
    EXPECT_EQ(*BusMessageLength(bytes), bytes.size()) << name;
  }
}

TEST(BusMessageTest, APingOfRedis) {
  const BusMessage ping = Captured("ping");
  EXPECT_EQ(ping.type, BusMessageType::kPing);
  EXPECT_TRUE(ping.HasFlag(NodeFlag::kMaster));
  EXPECT_TRUE(ping.is_cluster_ok);
  EXPECT_TRUE(ping.HasMessageFlag(kBusExtensions));
  EXPECT_EQ(ping.bus_port, ping.port + 20000);
  EXPECT_EQ(ping.hostname, "host" + std::to_string(ping.port) + ".example");
  EXPECT_EQ(ping.gossip.size(), 2u);
  EXPECT_EQ(ping.gossip[0].ip, "127.0.0.1");
  EXPECT_FALSE(ping.slots.Empty());
}

TEST(BusMessageTest, TheOtherMessagesOfRedis) {
  EXPECT_EQ(Captured("publish").channel, "chan");
  EXPECT_EQ(Captured("publish").payload, "hello");
  EXPECT_EQ(Captured("shard_publish").channel, "shardchan");
  EXPECT_TRUE(Captured("vote_request").HasFlag(NodeFlag::kReplica));
  EXPECT_TRUE(Captured("vote_request").master.has_value());
  EXPECT_FALSE(Captured("update").update.slots.Empty());
  EXPECT_GT(ToInt(Captured("update").update.config_epoch), 3u);
  EXPECT_NE(Captured("fail").failed, NodeId());
  EXPECT_TRUE(Captured("paused_ping").HasMessageFlag(kBusPaused));
}

TEST(BusMessageTest, EveryTypeComesBackAsItWas) {
  for (std::size_t type = 0; type < kBusMessageTypes; ++type) {
    BusMessage message = AnyMessage(static_cast<BusMessageType>(type));
    message.failed = message.update.owner = NodeId();
    if (CarriesGossip(message.type)) {
      message.gossip.push_back({.id = *NodeId::Parse(TestId(1)), .ip = "::1", .port = 1});
      message.hostname = "a.example";
      message.human_name = "a";
      message.shard_id = NodeId::Parse(TestId(2));
      message.forgotten.push_back({*NodeId::Parse(TestId(3)), 60});
    }
    if (type == 4 || type == 10) message.channel = "c", message.payload = std::string(3, '\0');
    auto again = DecodeBusMessage(Encoded(message));
    ASSERT_TRUE(again.has_value()) << type << ": " << again.error().text;
    EXPECT_TRUE(*again == message) << type;
  }
}

TEST(BusMessageTest, SlotsOnTheMoveComeBackAsTheyWere) {
  for (std::size_t count : {0u, 1u, 3u}) {
    BusMessage message;
    message.sender = *NodeId::Parse(TestId(1));
    std::vector<OpenSlot>& open = message.open_slots.emplace();
    for (std::size_t i = 0; i < count; ++i) {
      open.push_back({protocol::Slot(100 * i), i == 1, *NodeId::Parse(TestId(2))});
    }
    std::string bytes;
    EncodeBusMessage(message, bytes);
    const auto read = DecodeBusMessage(bytes);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(*read, message);
    if (count == 0) continue;
    // A slot that there is not.
    bytes[kBusHeaderBytes + 8 + 4] = 0x7f;
    EXPECT_FALSE(DecodeBusMessage(bytes));
  }
}

TEST(BusMessageTest, AGrantComesBackAsItWas) {
  BusMessage message;
  message.sender = *NodeId::Parse(TestId(1));
  message.grant = SlotGrant{100, 16383, Epoch(7)};
  std::string bytes;
  EncodeBusMessage(message, bytes);
  const auto read = DecodeBusMessage(bytes);
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(*read, message);
  bytes[kBusHeaderBytes + 8] = 0x7f;  // the first behind the last
  EXPECT_FALSE(DecodeBusMessage(bytes));
}

TEST(BusMessageTest, KnownVotersComeBackAsTheyWere) {
  for (std::size_t count : {0u, 1u, 3u}) {
    BusMessage message;
    message.sender = *NodeId::Parse(TestId(1));
    std::vector<KnownVoter>& voters = message.voters.emplace();
    for (std::size_t i = 0; i < count; ++i) voters.push_back({*NodeId::Parse(TestId(2)), Epoch(i)});
    std::string bytes;
    EncodeBusMessage(message, bytes);
    const auto read = DecodeBusMessage(bytes);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(*read, message);
    if (count == 0) continue;
    bytes[kBusHeaderBytes + 8 + 8] = 'x';  // no id
    EXPECT_FALSE(DecodeBusMessage(bytes));
  }
  BusMessage message;
  message.sender = *NodeId::Parse(TestId(1));
  message.voters.emplace(protocol::kSlotCount + 1, KnownVoter{message.sender});
  std::string bytes;
  EncodeBusMessage(message, bytes);
  EXPECT_FALSE(DecodeBusMessage(bytes));
}

TEST(BusMessageTest, ALightPublishHasNoSender) {
  BusMessage message;
  message.type = BusMessageType::kPublish;
  message.is_light = true;
  message.channel = "c";
  message.payload = "hello";
  const std::string bytes = Encoded(message);
  EXPECT_EQ(bytes.size(), 16u + 8 + 6);
  EXPECT_EQ(DecodeBusMessage(bytes)->payload, "hello");
}

TEST(BusMessageTest, AnExtensionOfANewerVersionIsSkipped) {
  std::string bytes = Captured("pong").hostname ? CapturedBytes("pong") : std::string();
  ASSERT_FALSE(bytes.empty());
  const std::size_t at = bytes.rfind("host") - 4;
  bytes[at + 1] = 77;
  auto message = DecodeBusMessage(bytes);
  ASSERT_TRUE(message.has_value());
  EXPECT_FALSE(message->hostname.has_value());
}

TEST(BusMessageTest, EveryPrefixAndEveryLongerOneIsAnError) {
  const std::string bytes = CapturedBytes("ping");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeBusMessage(std::string_view(bytes).substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(DecodeBusMessage(bytes + "x").has_value());
}

TEST(BusMessageTest, WhatDoesNotFitIsAnError) {
  struct Case {
    std::size_t at;
    char byte;
  };
  // The signature, version, type, count, sender, extensions, the end of the ip, a gossip id.
  for (Case wrong : {Case{0, 'X'}, Case{9, 2}, Case{13, 11}, Case{15, 9}, Case{40, 'G'},
                     Case{2215, 9}, Case{2256, 'x'}}) {
    std::string bytes = CapturedBytes("ping");
    bytes[wrong.at] = wrong.byte;
    EXPECT_FALSE(DecodeBusMessage(bytes).has_value()) << wrong.at;
  }
  std::string endless_ip = CapturedBytes("ping");
  for (std::size_t i = 2168; i < 2214; ++i) endless_ip[i] = '1';
  EXPECT_FALSE(DecodeBusMessage(endless_ip).has_value());
}

TEST(BusMessageTest, LengthOfAStream) {
  EXPECT_EQ(*BusMessageLength("RCmb"), 0u);
  EXPECT_FALSE(BusMessageLength("GET / HTTP").has_value());
  EXPECT_FALSE(BusMessageLength(std::string_view("RCmb\0\0\0\1", 8)).has_value());
  EXPECT_FALSE(BusMessageLength("RCmb\xff\xff\xff\xff").has_value());
}

}  // namespace
}  // namespace slotway::storage::cluster
