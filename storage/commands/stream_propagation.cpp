// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/stream_propagation.h"

#include <string>
#include <vector>

namespace slotway::storage {

void PropagateClaim(CommandContext& ctx, const NamedGroup& group, StreamId id,
                    const PendingEntry& entry) {
  ctx.PropagateNothing();
  if (!ctx.server.propagation.IsOn()) return;
  StreamIdText id_text;
  StreamIdText last_text;
  const std::string time = std::to_string(entry.delivered_ms);
  const std::string deliveries = std::to_string(entry.deliveries);
  ctx.PropagateAs({"XCLAIM", group.key, group.name, entry.consumer->name, "0", id_text.Print(id),
                   "TIME", time, "RETRYCOUNT", deliveries, "FORCE", "JUSTID", "LASTID",
                   last_text.Print(group.group.last_delivered)});
}

void PropagateGroupPosition(CommandContext& ctx, const NamedGroup& group) {
  ctx.PropagateNothing();
  if (!ctx.server.propagation.IsOn()) return;
  StreamIdText text;
  const std::string entries_read = std::to_string(group.group.entries_read);
  ctx.PropagateAs({"XGROUP", "SETID", group.key, group.name, text.Print(group.group.last_delivered),
                   "ENTRIESREAD", entries_read});
}

void PropagateAcknowledged(CommandContext& ctx, const NamedGroup& group, StreamId id) {
  StreamIdText text;
  ctx.PropagateAs({"XACK", group.key, group.name, text.Print(id)});
}

void PropagateStreamChange(CommandContext& ctx, const StreamTrimArguments& arguments,
                           const StreamValue& stream, std::string_view id) {
  if (!ctx.server.propagation.IsOn()) return;
  std::vector<std::string_view> words(ctx.args.begin(), ctx.args.end());
  if (!id.empty()) words[arguments.id_index] = id;
  std::string length;
  StreamIdText first_text;
  if (arguments.trim.is_approximate) {
    words[arguments.measure_index] = "=";
    if (arguments.trim.kind == StreamTrim::Kind::kMaxLength) {
      length = std::to_string(stream.Length());
      words[arguments.measure_index + 1] = length;
    } else {
      words[arguments.measure_index + 1] = first_text.Print(stream.counters().first_id);
    }
  }
  if (arguments.limit_index != 0) {
    const auto limit = words.begin() + static_cast<std::ptrdiff_t>(arguments.limit_index);
    words.erase(limit, limit + 2);
  }
  ctx.PropagateAs(words);
}

}  // namespace slotway::storage
