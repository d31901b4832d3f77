// SPDX-License-Identifier: Apache-2.0
// Reads a command's arguments one after the other; the first error sticks and is answered once.
//
//   ArgumentReader reader(ctx, 2);
//   while (reader.HasMore()) {
//     if (reader.TakeWord("count")) count = reader.TakeInteger();
//     else reader.FailSyntax();
//   }
//   if (!reader.Finish()) return;   // the error has been answered
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/error_text.h"
#include "storage/commands/command_context.h"

namespace slotway::storage {

// Of a number whose opposite is no number.
inline constexpr std::string_view kHasNoOpposite =
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";

class ArgumentReader {
 public:
  ArgumentReader(CommandContext& ctx, std::size_t first) : ctx_(ctx), next_(first) {}

  // False at the end, and after an error.
  bool HasMore() const { return error_.empty() && next_ < ctx_.args.size(); }
  std::size_t Left() const { return ctx_.args.size() - next_; }
  std::size_t Position() const { return next_; }

  // Takes the next argument if it is this word (lower case), in whatever case. `values` more
  // arguments must follow it, else it does not count as this word.
  bool TakeWord(std::string_view word, std::size_t values = 0);
  // REQUIRES of all below: an argument is left; else a syntax error is noted.
  std::string_view Take();
  std::int64_t TakeInteger(std::string_view error = protocol::error_text::kNotInteger);
  std::int64_t TakeIntegerIn(std::int64_t min, std::int64_t max, std::string_view error);

  void Fail(std::string_view error) {
    if (error_.empty()) error_ = error;
  }
  void FailSyntax() { Fail(protocol::error_text::kSyntax); }
  // Answers the error if there was one; true if there was none.
  bool Finish();

 private:
  CommandContext& ctx_;
  std::size_t next_;
  std::string_view error_;  // a constant
};

// Reads one argument as an integer; answers `error` and returns false if it is none.
bool ReadInteger(CommandContext& ctx, std::size_t index, std::int64_t& out,
                 std::string_view error = protocol::error_text::kNotInteger);
// The same for one from `min` to `max`.
bool ReadIntegerIn(CommandContext& ctx, std::size_t index, std::int64_t min, std::int64_t max,
                   std::int64_t& out, std::string_view error);
// The same for how many of something are wanted: 0 or more.
bool ReadCount(CommandContext& ctx, std::size_t index, std::int64_t& out);

}  // namespace slotway::storage
