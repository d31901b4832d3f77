// SPDX-License-Identifier: Apache-2.0
#include "storage/server/nodes_conf_writer.h"

#include <future>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace slotway::storage {
namespace {

// A disk that begins to write when it is told, and what the writer tells.
struct SlowDisk {
  NodesConfWriter::WriteFile WriteFile() {
    return [this](std::string_view text) -> runtime::Result<void> {
      if (written.empty()) {
        begun.set_value();
        may_go_on.get_future().wait();
      }
      written.emplace_back(text);
      if (!problem.empty()) return runtime::Fail(problem);
      return {};
    };
  }
  NodesConfWriter::Told Told() {
    return
        [this](std::uint64_t number, const std::string& what) { told.emplace_back(number, what); };
  }

  std::promise<void> begun, may_go_on;
  std::string problem;
  std::vector<std::string> written;
  std::vector<std::pair<std::uint64_t, std::string>> told;
};

TEST(NodesConfWriterTest, WritesTheLastOfThoseThatWait) {
  SlowDisk disk;
  {
    NodesConfWriter writer(disk.WriteFile(), disk.Told());
    writer.Write("a", 1);
    disk.begun.get_future().wait();
    writer.Write("b", 2);
    writer.Write("c", 3);
    disk.may_go_on.set_value();
  }
  EXPECT_EQ(disk.written, (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(disk.told,
            (std::vector<std::pair<std::uint64_t, std::string>>{{1, std::string()}, {3, ""}}));
}

TEST(NodesConfWriterTest, TellsWhyNot) {
  SlowDisk disk;
  disk.problem = "No space left on device";
  disk.may_go_on.set_value();
  {
    NodesConfWriter writer(disk.WriteFile(), disk.Told());
    writer.Write("a", 7);
  }
  ASSERT_EQ(disk.told.size(), 1u);
  EXPECT_EQ(disk.told[0], std::make_pair(std::uint64_t{7}, disk.problem));
}

TEST(NodesConfWriterTest, WhatMustBeThereNowComesBehindWhatWasBegun) {
  SlowDisk disk;
  NodesConfWriter writer(disk.WriteFile(), disk.Told());
  writer.Write("a", 1);
  disk.begun.get_future().wait();
  disk.may_go_on.set_value();
  EXPECT_EQ(writer.WriteNow("b"), "");
  EXPECT_EQ(disk.written, (std::vector<std::string>{"a", "b"}));
  disk.problem = "No space left on device";
  EXPECT_EQ(writer.WriteNow("c"), "No space left on device");
}

}  // namespace
}  // namespace slotway::storage
