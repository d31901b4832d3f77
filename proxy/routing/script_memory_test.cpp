// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/script_memory.h"

#include <gtest/gtest.h>
#include <thread>

#include "runtime/sha1.h"

namespace slotway::proxy {
namespace {

TEST(ScriptMemory, FindsWhatItWasShown) {
  ScriptMemory memory(1 << 20);
  memory.Remember("return 1");
  memory.Remember("return 1");
  EXPECT_EQ(*memory.Find("e0e1f9fabfc9d4800c877a703b823ac0578ff8db"), "return 1");
  EXPECT_EQ(*memory.Find("E0E1F9FABFC9D4800C877A703B823AC0578FF8DB"), "return 1");
  EXPECT_EQ(memory.Find("e0e1"), nullptr);
  EXPECT_EQ(memory.Find(""), nullptr);
  auto generation = memory.Generation();
  memory.Clear();
  EXPECT_NE(memory.Generation(), generation);
  EXPECT_EQ(memory.Find("e0e1f9fabfc9d4800c877a703b823ac0578ff8db"), nullptr);
  EXPECT_EQ(memory.Bytes(), 0u);
}

TEST(ScriptMemory, WhatWasUsedLeastRecentlyGoes) {
  ScriptMemory memory(3000);
  auto text_of = [](int i) { return std::string(700, static_cast<char>('a' + i)); };
  for (int i = 0; i < 3; ++i) memory.Remember(text_of(i));
  EXPECT_NE(memory.Find(runtime::Sha1Hex(text_of(0))), nullptr);
  memory.Remember(text_of(2));
  memory.Remember(text_of(3));
  EXPECT_EQ(memory.Find(runtime::Sha1Hex(text_of(1))), nullptr);
  for (int i : {0, 2, 3}) EXPECT_NE(memory.Find(runtime::Sha1Hex(text_of(i))), nullptr) << i;
  EXPECT_LE(memory.Bytes(), 3000u);
  memory.Remember(std::string(3000, 'x'));
  EXPECT_NE(memory.Find(runtime::Sha1Hex(text_of(3))), nullptr);
  EXPECT_EQ(memory.Find(runtime::Sha1Hex(std::string(3000, 'x'))), nullptr);
  memory.SetBound(1000);
  EXPECT_LE(memory.Bytes(), 1000u);
  EXPECT_NE(memory.Find(runtime::Sha1Hex(text_of(3))), nullptr);
}

TEST(ScriptMemory, IsSharedByWorkers) {
  ScriptMemory memory(20'000);
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&memory, worker] {
      for (int i = 0; i < 2000; ++i) {
        std::string text = "return " + std::to_string((i + worker) % 100);
        memory.Remember(text);
        auto found = memory.Find(runtime::Sha1Hex(text));
        EXPECT_TRUE(found == nullptr || *found == text);
        if (i % 500 == 0) memory.Clear();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_LE(memory.Bytes(), 20'000u);
}

}  // namespace
}  // namespace slotway::proxy
