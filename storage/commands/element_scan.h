// SPDX-License-Identifier: Apache-2.0
// HSCAN, SSCAN, ZSCAN: the arguments, and the reply of elements, with or without a text of their
// own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/commands/opened_key.h"
#include "storage/commands/scan_options.h"

namespace slotway::storage {

// Answers the command for a key that `Handle` opens. scan(handle, cursor, count, show) visits about
// `count` elements from the cursor, calls show(element) or show(element, text) for each, where
// text() is what stands behind the element in the reply, and returns the next cursor. text() is
// called for matches only.
template <class Handle, class ScanFn>
void ScanElements(CommandContext& ctx, ScanFn&& scan) {
  std::uint64_t cursor = 0;
  if (!ReadScanCursor(ctx, 2, cursor)) return;
  auto opened = OpenToRead<Handle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle) {
    ReplyEmptyScan(ctx);
    return;
  }
  ScanOptions options;
  if (!ReadScanOptions(ctx, 3, false, options)) return;
  // Rendered at once: the views of numbers end with each call.
  std::string elements;
  std::size_t count = 0;
  protocol::StringSink sink{elements};
  protocol::RespWriter<protocol::StringSink> writer(sink, ctx.client.resp_version);
  cursor =
      scan(*opened.handle, cursor, options.count, [&](std::string_view element, auto&&... text) {
        if (!options.Matches(element)) return;
        writer.Bulk(element);
        (writer.Bulk(text()), ...);
        count += 1 + sizeof...(text);
      });
  ctx.reply.Array(2);
  ctx.reply.Bulk(std::to_string(cursor));
  ctx.reply.Array(count);
  ctx.output.Append(elements);
}

}  // namespace slotway::storage
