// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/settings_change.h"

#include <algorithm>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex>

namespace slotway::proxy {
namespace {

using config::ProxyConfig;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(SettingsChange, NothingChanged) {
  auto change = CompareSettings(ProxyConfig{}, ProxyConfig{});
  EXPECT_THAT(change.applied, IsEmpty());
  EXPECT_THAT(change.needs_restart, IsEmpty());
  EXPECT_TRUE(change.effective == ProxyConfig{});
}

TEST(SettingsChange, WhatNeedsARestartStays) {
  ProxyConfig now, fresh;
  fresh.backend.kind = config::BackendKind::kSentinel;
  fresh.backend.sentinel.master_name = "mymaster";
  fresh.backend.sentinel.password = "theirs";
  fresh.backend.password = "secret";
  fresh.workers = 3;
  fresh.pause_max_us = 0;
  fresh.admin.port = 1;
  fresh.hold.time_max_ms = 1;
  auto change = CompareSettings(now, fresh);
  EXPECT_THAT(change.applied, ElementsAre("backend.password", "backend.sentinel", "hold"));
  EXPECT_THAT(change.needs_restart, ElementsAre("backend.kind", "backend.sentinel.master_name",
                                                "workers", "pause_max_us", "admin"));
  ProxyConfig expected;
  expected.backend.password = "secret";
  expected.backend.sentinel.password = "theirs";
  expected.hold.time_max_ms = 1;
  EXPECT_TRUE(change.effective == expected);
}

// Every setting of the shipped file falls into one part or the other.
TEST(SettingsChange, KnowsEverySetting) {
  std::ifstream file(SLOTWAY_TEST_DATA "/../../config/proxy.yaml");
  ASSERT_TRUE(file);
  std::vector<std::string> names = ReloadableNames();
  std::regex setting(R"(^(  )?([a-z_]+):)");
  int known = 0;
  bool is_backend = false;
  for (std::string line; std::getline(file, line);) {
    std::smatch match;
    if (!std::regex_search(line, match, setting)) continue;
    bool is_inner = match[1].matched;
    if (!is_inner) is_backend = match[2] == "backend";
    if (is_inner != is_backend || match[2] == "backend") continue;
    std::string name = (is_backend ? "backend." : "") + match[2].str();
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
    ++known;
  }
  std::erase(names, "backend.sentinel.master_name");  // a part of a part
  EXPECT_EQ(static_cast<std::size_t>(known), names.size());
}

}  // namespace
}  // namespace slotway::proxy
