// SPDX-License-Identifier: Apache-2.0
// Takes a log of commands apart: what an append-only file consists of.
//
// Commands are arrays of bulks, as requests are; but nothing is forgiven, since what is wrong here
// was not written so. Beside them there are notes, lines that begin with '#'. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace slotway::protocol {

class LogRecordParser {
 public:
  enum class Status : std::uint8_t { kCommand, kNote, kIncomplete, kBad };

  // What `input` begins with. kIncomplete: call again with the same bytes and more behind them.
  Status Parse(std::string_view input);
  // Of a command; views into `input`.
  std::span<const std::string_view> Args() const { return args_; }
  // Bytes of the command or note.
  std::size_t Consumed() const { return at_; }

 private:
  enum class Line : std::uint8_t { kComplete, kIncomplete, kBad };

  // A number behind `mark`, and the end of its line.
  Line ReadCount(std::string_view input, char mark, std::size_t& count);

  std::vector<std::string_view> args_;
  std::size_t at_ = 0;
};

}  // namespace slotway::protocol
