// SPDX-License-Identifier: Apache-2.0
// Entries and ids of streams as replies.
//
// How many entries there are is known only behind the last one: they are written into a buffer
// first, their count and the buffer then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "protocol/resp_writer.h"
#include "storage/commands/command_context.h"
#include "storage/commands/stream_propagation.h"
#include "storage/types/stream_value.h"

namespace slotway::storage {

// A part of a reply.
class StreamReplyBuffer {
 public:
  explicit StreamReplyBuffer(const CommandContext& ctx)
      : sink_{bytes_}, writer_(sink_, ctx.reply.Version()) {}
  StreamReplyBuffer(const StreamReplyBuffer&) = delete;
  StreamReplyBuffer& operator=(const StreamReplyBuffer&) = delete;

  using Writer = protocol::RespWriter<protocol::StringSink>;
  Writer& writer() { return writer_; }
  const std::string& bytes() const { return bytes_; }
  bool IsEmpty() const { return bytes_.empty(); }

  void Id(StreamId id);
  // [id, [field, value, ...]]
  void Entry(const StreamNodeReader& reader, const StreamNodeReader::Entry& entry);
  // The entry with this id; false when there is none.
  bool EntryOf(const StreamValue& stream, StreamId id);
  // Entries between two ids, both included; returns how many. At most `count` unless it is 0.
  std::size_t Range(const StreamValue& stream, StreamId first, StreamId last, std::size_t count,
                    bool is_backwards);
  // A head of `count` elements, and these.
  void Array(std::size_t count, const StreamReplyBuffer& elements) {
    writer_.Array(count);
    Append(elements);
  }
  void Append(const StreamReplyBuffer& other) { bytes_.append(other.bytes()); }

 private:
  std::string bytes_;
  protocol::StringSink sink_;
  Writer writer_;
};

// An array of `count` elements that are written already.
void ReplyArray(CommandContext& ctx, std::size_t count, const StreamReplyBuffer& elements);

// Finds a consumer, or makes it and tells of it; either way it has been seen now.
StreamConsumer& SeeConsumer(CommandContext& ctx, const NamedGroup& group, std::string_view name);

}  // namespace slotway::storage
