// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/reply_bound.h"

#include "runtime/process_stats.h"
#include "storage/commands/client_memory.h"
#include "storage/commands/client_push.h"

namespace slotway::storage {
namespace {

// "$0\r\n\r\n"
constexpr std::uint64_t kSmallestElementBytes = 6;
// A script gets all or nothing, so its elements are guessed to be larger than the smallest.
constexpr std::uint64_t kElementBytesInScript = 64;

std::uint64_t ReplyBytesMax(const CommandContext& ctx) {
  static const std::uint64_t system_share = runtime::SystemMemoryBytes() / 4;
  const std::uint64_t limits[] = {OutputLimitOf(ctx.server, ctx.client).hard_bytes,
                                  ClientMemoryLimit(ctx.server.Config()), system_share};
  std::uint64_t smallest = UINT64_MAX;
  for (const std::uint64_t limit : limits) {
    if (limit != 0) smallest = std::min(smallest, limit);
  }
  return smallest;
}

}  // namespace

bool MayAnswer(CommandContext& ctx, std::uint64_t count) {
  const bool is_script = ctx.client.connection == nullptr;
  const std::uint64_t bytes = is_script ? kElementBytesInScript : kSmallestElementBytes;
  if (count <= ReplyBytesMax(ctx) / bytes) return true;
  if (is_script) {
    ctx.Error("ERR the reply would be too large");
  } else {
    CutOff(ctx.server, ctx.client);
  }
  return false;
}

bool MayGoOnAnswering(CommandContext& ctx) {
  if (ctx.client.connection == nullptr || ctx.output.Size() <= ReplyBytesMax(ctx)) return true;
  CutOff(ctx.server, ctx.client);
  return false;
}

}  // namespace slotway::storage
