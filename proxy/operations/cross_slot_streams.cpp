// SPDX-License-Identifier: Apache-2.0
// XREAD without BLOCK over streams of several slots: each is read where it is, and the answers are
// joined in the order of the keys. Each stream is read at one moment, the streams at moments a
// little apart.
#include "proxy/operations/compositions.h"
#include "proxy/operations/cross_slot.h"

namespace slotway::proxy {
namespace {

class StreamsRead final : public CrossSlotOperation {
 public:
  using CrossSlotOperation::CrossSlotOperation;
  void Begin() { CheckFirst({}, false); }

 private:
  // The words up to STREAMS, the keys, as many ids.
  void Proceed() override {
    std::size_t count = Keys().size(), first = Keys()[0].index;
    replies_.resize(count);
    left_ = count;
    // The last answer may end the operation while it is sent.
    std::vector<std::string> args = Args();
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<std::string> part(args.begin(), args.begin() + static_cast<long>(first));
      part.push_back(args[first + i]);
      if (first + count + i < args.size()) part.push_back(args[first + count + i]);
      Ask(kFirstPart + i, part, part[first], true);
    }
  }

  void TakeReply(std::size_t part, std::string_view reply) override {
    if (HasRoomFor(reply.size())) replies_[part] = reply;
    if (--left_ == 0) Conclude();
  }

  void Conclude() {
    if (!CountBytes()) return;
    bool has_maps = Version() == protocol::RespVersion::kResp3;
    std::string streams, joined;
    std::size_t count = 0;
    for (std::string& reply : replies_) {
      // Redis looks at one stream and its id after the other.
      if (reply.starts_with('-')) return Finish(std::move(reply));
      std::string header;
      protocol::StringSink header_sink{header};
      WriteHeader(header_sink, has_maps, 1);
      if (!reply.starts_with(header)) continue;  // null: nothing new
      streams.append(reply, header.size());
      ++count;
    }
    protocol::StringSink sink{joined};
    WriteHeader(sink, has_maps, count);
    Finish(joined + streams);
  }

  void WriteHeader(protocol::StringSink& sink, bool has_maps, std::size_t count) const {
    protocol::RespWriter<protocol::StringSink> writer(sink, Version());
    if (count == 0) return writer.NullArray();
    has_maps ? writer.Map(count) : writer.Array(count);
  }

  std::vector<std::string> replies_;
  std::size_t left_ = 0;
};

void StartStreamsRead(const OperationContext& context) { (new StreamsRead(context))->Begin(); }

constexpr Composition kCompositions[] = {{.full_name = "xread", .across_slots = StartStreamsRead}};

}  // namespace

std::span<const Composition> CrossSlotStreams() { return kCompositions; }

}  // namespace slotway::proxy
