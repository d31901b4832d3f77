// SPDX-License-Identifier: Apache-2.0
// Writes nodes.conf by a thread of its own, so that a slow disk holds nobody up.
//
// One text at a time; of those that come meanwhile only the last is written, as it holds what the
// others were to hold. All calls belong to one thread, but `told`, which is the writer's own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "runtime/result.h"

namespace slotway::storage {

class NodesConfWriter {
 public:
  // Returns when the text is on the disk.
  using WriteFile = std::function<runtime::Result<void>(std::string_view text)>;
  // The number of what was written; empty if it is on the disk, else why not.
  using Told = std::function<void(std::uint64_t number, const std::string& problem)>;

  NodesConfWriter(WriteFile write_file, Told told);
  // What was begun is written first.
  ~NodesConfWriter();
  NodesConfWriter(const NodesConfWriter&) = delete;
  NodesConfWriter& operator=(const NodesConfWriter&) = delete;

  void Write(std::string text, std::uint64_t number);
  // Waits for the disk; empty if it is there, else why not. Nothing is told of it.
  std::string WriteNow(std::string text);

 private:
  struct Order {
    std::string text;
    std::uint64_t number = 0;
  };
  void Run();

  WriteFile write_file_;
  Told told_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Order> next_;  // guarded by mutex_
  bool is_writing_ = false;    // guarded by mutex_
  bool ends_ = false;          // guarded by mutex_
  std::thread thread_;
};

}  // namespace slotway::storage
