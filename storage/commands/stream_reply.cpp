// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/stream_reply.h"

namespace slotway::storage {

void StreamReplyBuffer::Id(StreamId id) {
  StreamIdText text;
  writer_.Bulk(text.Print(id));
}

void StreamReplyBuffer::Entry(const StreamNodeReader& reader,
                              const StreamNodeReader::Entry& entry) {
  writer_.Array(2);
  Id(entry.id);
  writer_.Array(2 * entry.field_count);
  reader.ForEachField(entry, [this](std::string_view field, std::string_view value) {
    writer_.Bulk(field);
    writer_.Bulk(value);
  });
}

bool StreamReplyBuffer::EntryOf(const StreamValue& stream, StreamId id) {
  return Range(stream, id, id, 1, false) == 1;
}

std::size_t StreamReplyBuffer::Range(const StreamValue& stream, StreamId first, StreamId last,
                                     std::size_t count, bool is_backwards) {
  std::size_t written = 0;
  const auto write = [&](const StreamNodeReader& reader, const StreamNodeReader::Entry& entry) {
    Entry(reader, entry);
    return ++written != count;
  };
  if (is_backwards) {
    stream.VisitBackwards(first, last, write);
  } else {
    stream.Visit(first, last, write);
  }
  return written;
}

void ReplyArray(CommandContext& ctx, std::size_t count, const StreamReplyBuffer& elements) {
  ctx.reply.Array(count);
  ctx.output.Append(elements.bytes());
}

StreamConsumer& SeeConsumer(CommandContext& ctx, const NamedGroup& group, std::string_view name) {
  StreamConsumer* consumer = group.group.FindConsumer(name);
  if (consumer == nullptr) {
    consumer = &group.group.AddConsumer(name, ctx.now_ms);
    ctx.KeyChanged({protocol::SlotOfKey(group.key), group.key}, config::kNotifyStream,
                   "xgroup-createconsumer");
    ctx.PropagateAs({"XGROUP", "CREATECONSUMER", group.key, group.name, name});
  }
  consumer->seen_ms = ctx.now_ms;
  return *consumer;
}

}  // namespace slotway::storage
