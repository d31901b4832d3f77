// SPDX-License-Identifier: Apache-2.0
// For tests of topology sources: a refresher on the test's loop and fake nodes that tell roles.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "proxy/backend/fake_shard.h"
#include "proxy/backend/topology_refresher.h"

namespace slotway::proxy {

class TopologyFixture : public testing::Test {
 protected:
  using Words = std::vector<std::string>;

  TopologyFixture() {
    settings_.connect_timeout_ms = 300;
    settings_.topology.refresh_min_interval_ms = 5;
    settings_.topology.refresh_interval_ms = 20;
  }

  void Seed(const FakeShard& shard) { settings_.seeds.push_back({"127.0.0.1", shard.Port()}); }
  void Start() {
    refresher_ = std::make_unique<TopologyRefresher>(
        loop_, settings_, [this](const TopologyRefresher::Snapshot&) { ++calls_; });
    refresher_->Start();
  }
  bool Changed(std::uint64_t changes) {
    return RunUntil(loop_, [&] { return refresher_->Changes() == changes; });
  }
  bool Rounds(std::uint64_t more) {
    std::uint64_t until = refresher_->Rounds() + more;
    return RunUntil(loop_, [&] { return refresher_->Rounds() >= until; });
  }
  std::uint16_t OwnerPort(int slot = 0) {
    if (refresher_->Current() == nullptr) return 0;
    const auto* owner = refresher_->Current()->OwnerOf(static_cast<protocol::Slot>(slot));
    return owner == nullptr ? 0 : owner->endpoint.port;
  }

  static std::string Bulk(const std::string& text) {
    return fmt::format("${}\r\n{}\r\n", text.size(), text);
  }
  static std::string Array(const Words& replies) {
    std::string array = fmt::format("*{}\r\n", replies.size());
    for (const std::string& reply : replies) array += reply;
    return array;
  }
  // What INFO replication says of a master or, with `master`, of a replica of it.
  static std::string Role(char history, const FakeShard* master = nullptr,
                          std::uint64_t offset = 100, char former = '0') {
    std::string text = "# Replication\r\n";
    if (master == nullptr) {
      text += fmt::format("role:master\r\nmaster_repl_offset:{}\r\n", offset);
    } else {
      text += fmt::format(
          "role:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:{}\r\nmaster_link_status:up\r\n"
          "slave_repl_offset:{}\r\n",
          master->Port(), offset);
    }
    return text + fmt::format("connected_slaves:0\r\nmaster_replid:{}\r\nmaster_replid2:{}\r\n",
                              std::string(40, history), std::string(40, former));
  }
  static void Tell(FakeShard& shard, std::string text) {
    shard.Answer([text](const Words&) { return Bulk(text); });
  }

  runtime::EventLoop loop_;
  config::BackendConfig settings_;
  FakeShard x_{loop_}, y_{loop_}, z_{loop_};
  int calls_ = 0;
  std::unique_ptr<TopologyRefresher> refresher_;
};

}  // namespace slotway::proxy
