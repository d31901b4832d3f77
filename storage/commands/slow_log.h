// SPDX-License-Identifier: Apache-2.0
// The commands that took longest: the last `slowlog-max-len` that took at least
// `slowlog-log-slower-than`.
//
// Bounded: entries by that setting, an entry by the arguments and bytes that are kept of it.
// Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace slotway::storage {

struct SlowCommand {
  std::uint64_t id = 0;
  std::int64_t time_s = 0;  // Unix time of its end
  std::uint64_t duration_us = 0;
  std::vector<std::string> args;  // protocol::ShownArguments()
  std::string client_address;
  std::string client_name;
};

class SlowLog {
 public:
  // Gives the entry its id and drops the oldest beyond `entries_max`.
  void Add(SlowCommand command, std::size_t entries_max);
  void DropBeyond(std::size_t entries_max);
  void Clear() { commands_.clear(); }

  // The newest first.
  const std::deque<SlowCommand>& Commands() const { return commands_; }

 private:
  std::deque<SlowCommand> commands_;
  std::uint64_t next_id_ = 0;  // goes on when the log is cleared
};

}  // namespace slotway::storage
