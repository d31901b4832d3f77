// SPDX-License-Identifier: Apache-2.0
// For tests: a client at whose end one can read what a ReplyQueue sent.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/reply/reply_queue.h"
#include "runtime/listener.h"

namespace slotway::proxy {

// A queue with a connection of its own, which nobody flushes: its output is read in place.
class FakeClient : public ReplyQueue::Owner, private runtime::Connection::Handler {
 public:
  explicit FakeClient(runtime::EventLoop& loop, std::size_t output_bytes_max = 1 << 30)
      : queue(*this, output_bytes_max),
        connection_(
            runtime::Connection::Connect(loop, *runtime::SocketAddress::FromNumeric("127.0.0.1", 1),
                                         0, runtime::FlushStage::kDownstream, *this)) {
    connection_->KeepWritten();
    queue.Attach(*connection_);
    queue.NotifyProgress(true);
  }

  std::string Output() {
    std::string bytes;
    auto& output = connection_->Output();
    output.CopyTo(output.Begin(), output.Size(), bytes);
    return bytes;
  }
  void OnReplyProgress() override { ++progress; }
  void OnOutputUnusable(std::string_view why) override {
    unusable = why;
    queue.Detach();
  }

  ReplyQueue queue;
  int progress = 0;
  std::string unusable;

 private:
  std::size_t OnBytes(std::string_view input) override { return input.size(); }
  void OnEndOfInput() override {}
  void OnClosed(std::string_view) override {}

  std::unique_ptr<runtime::Connection> connection_;
};

}  // namespace slotway::proxy
