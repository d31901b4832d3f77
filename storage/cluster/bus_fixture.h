// SPDX-License-Identifier: Apache-2.0
// For tests: a world for one cluster bus in which nothing happens but what the test does.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/cluster/cluster_bus.h"

namespace slotway::storage::cluster {

class QuietHost final : public BusHost, public ReplicationPort {
 public:
  std::int64_t NowMs() const override { return now_ms; }
  std::int64_t UnixMs() const override { return began_unix_ms + now_ms; }
  std::uint64_t Random() override { return ++random; }
  LinkId Connect(const std::string& ip, std::uint16_t bus_port) override {
    connected.emplace_back(ip + ":" + std::to_string(bus_port), LinkId(++links));
    return LinkId(links);
  }
  void Send(LinkId link, const BusMessage& message) override { sent.emplace_back(link, message); }
  void Close(LinkId link) override { closed.push_back(link); }
  void Save(const ClusterState& state, std::uint64_t number) override {
    saved_vote_epoch = state.LastVoteEpoch();
    begun_save = number;
    ++saves;
  }
  // The disk is done with what it was given, unless it is slow.
  void EndSaves(ClusterBus& bus) {
    if (is_disk_slow || begun_save == told_save) return;
    told_save = begun_save;
    bus.OnSaved(told_save, can_save);
  }
  void Deliver(const BusMessage& message) override { delivered.push_back(message.payload); }
  bool HasKeys(protocol::Slot) const override { return false; }
  void DropKeys(protocol::Slot slot) override { dropped.push_back(slot); }
  void DropAllKeys() override {}
  void AskToTakeOver(const std::string& ip, std::uint16_t port, bool is_forced) override {
    asked.push_back(ip + ":" + std::to_string(port) + (is_forced ? " forced" : ""));
  }
  void Log(std::string_view) override {}

  std::int64_t Offset() const override { return offset; }
  bool HasCopy() const override { return has_copy; }
  std::int64_t SilentMs() const override { return 0; }
  bool HasReplicas() const override { return has_replicas; }
  std::optional<std::int64_t> AcknowledgedFrom(const std::string& ip,
                                               std::uint16_t port) const override {
    const auto found = acknowledged.find(ip + ":" + std::to_string(port));
    return found == acknowledged.end() ? std::nullopt : std::optional(found->second);
  }
  void BecomeMaster() override { is_master = true; }
  void Replicate(const std::string& ip, std::uint16_t port) override {
    is_master = false;
    follows = ip + ":" + std::to_string(port);
  }
  void PauseWrites(std::int64_t for_ms) override { paused_ms = for_ms; }

  // Messages of a type that were sent since Clear().
  std::vector<BusMessage> Sent(BusMessageType type) const {
    std::vector<BusMessage> messages;
    for (const auto& [link, message] : sent) {
      if (message.type == type) messages.push_back(message);
    }
    return messages;
  }

  std::int64_t now_ms = 1'000'000;
  std::int64_t began_unix_ms = 1'700'000'000'000;
  std::uint64_t random = 0;
  std::uint64_t links = 0;
  std::vector<std::pair<std::string, LinkId>> connected;
  std::vector<std::pair<LinkId, BusMessage>> sent;
  std::vector<LinkId> closed;
  std::vector<std::string> delivered;
  std::vector<std::string> asked;
  std::vector<protocol::Slot> dropped;
  Epoch saved_vote_epoch{0};
  int saves = 0;
  bool can_save = true;
  bool is_disk_slow = false;
  std::uint64_t begun_save = 0, told_save = 0;
  std::int64_t offset = 0;
  bool has_copy = true;
  bool has_replicas = false;
  std::map<std::string, std::int64_t> acknowledged;  // by whom
  bool is_master = true;
  std::string follows;
  std::int64_t paused_ms = -1;
};

}  // namespace slotway::storage::cluster
