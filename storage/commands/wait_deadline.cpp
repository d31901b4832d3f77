// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/wait_deadline.h"

#include <cmath>
#include <limits>

#include "storage/commands/argument_reader.h"
#include "storage/commands/number_text.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kOutOfRange = "ERR timeout is out of range";

bool SetDeadline(CommandContext& ctx, std::int64_t wait_ms, std::int64_t& deadline_ms) {
  if (wait_ms < 0) {
    ctx.Error("ERR timeout is negative");
    return false;
  }
  deadline_ms = WaitingRequest::kForever;
  if (wait_ms == 0) return true;
  const auto at_ms = AddChecked(wait_ms, ctx.now_ms);
  if (!at_ms) {
    ctx.Error(kOutOfRange);
    return false;
  }
  deadline_ms = *at_ms;
  return true;
}

}  // namespace

bool ReadWaitSeconds(CommandContext& ctx, std::size_t index, std::int64_t& deadline_ms) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  const auto seconds = ParseLongDouble(ctx.args[index]);
  if (!seconds) {
    ctx.Error("ERR timeout is not a float or out of range");
    return false;
  }
  const long double wait_ms = std::ceil(*seconds * 1000);
  if (wait_ms > static_cast<long double>(kMax)) {
    ctx.Error(kOutOfRange);
    return false;
  }
  return SetDeadline(ctx, wait_ms < 0 ? -1 : static_cast<std::int64_t>(wait_ms), deadline_ms);
}

bool ReadWaitMs(CommandContext& ctx, std::size_t index, std::int64_t& deadline_ms) {
  std::int64_t wait_ms = 0;
  return ReadInteger(ctx, index, wait_ms, "ERR timeout is not an integer or out of range") &&
         SetDeadline(ctx, wait_ms, deadline_ms);
}

}  // namespace slotway::storage
