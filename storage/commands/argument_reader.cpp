// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/argument_reader.h"

#include <limits>

#include "storage/commands/number_text.h"

namespace slotway::storage {

bool ArgumentReader::TakeWord(std::string_view word, std::size_t values) {
  if (next_ + values >= ctx_.args.size() || !EqualsNoCase(ctx_.args[next_], word)) return false;
  ++next_;
  return true;
}

std::string_view ArgumentReader::Take() {
  if (next_ >= ctx_.args.size()) {
    FailSyntax();
    return {};
  }
  return ctx_.args[next_++];
}

std::int64_t ArgumentReader::TakeInteger(std::string_view error) {
  auto value = ParseInteger(Take());
  if (!value) Fail(error);
  return value.value_or(0);
}

std::int64_t ArgumentReader::TakeIntegerIn(std::int64_t min, std::int64_t max,
                                           std::string_view error) {
  std::int64_t value = TakeInteger(error);
  if (value < min || value > max) Fail(error);
  return value;
}

bool ArgumentReader::Finish() {
  if (error_.empty()) return true;
  ctx_.Error(error_);
  return false;
}

bool ReadInteger(CommandContext& ctx, std::size_t index, std::int64_t& out,
                 std::string_view error) {
  auto value = ParseInteger(ctx.args[index]);
  if (!value) {
    ctx.Error(error);
    return false;
  }
  out = *value;
  return true;
}

bool ReadIntegerIn(CommandContext& ctx, std::size_t index, std::int64_t min, std::int64_t max,
                   std::int64_t& out, std::string_view error) {
  if (!ReadInteger(ctx, index, out, error)) return false;
  if (out >= min && out <= max) return true;
  ctx.Error(error);
  return false;
}

bool ReadCount(CommandContext& ctx, std::size_t index, std::int64_t& out) {
  return ReadIntegerIn(ctx, index, 0, std::numeric_limits<std::int64_t>::max(), out,
                       "ERR value is out of range, must be positive");
}

}  // namespace slotway::storage
