// SPDX-License-Identifier: Apache-2.0
#include "storage/server/nodes_conf_writer.h"

#include <utility>

namespace slotway::storage {

NodesConfWriter::NodesConfWriter(WriteFile write_file, Told told)
    : write_file_(std::move(write_file)), told_(std::move(told)), thread_([this] { Run(); }) {}

NodesConfWriter::~NodesConfWriter() {
  {
    std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void NodesConfWriter::Write(std::string text, std::uint64_t number) {
  {
    std::lock_guard lock(mutex_);
    next_ = Order{std::move(text), number};
  }
  changed_.notify_all();
}

std::string NodesConfWriter::WriteNow(std::string text) {
  std::unique_lock lock(mutex_);
  // What is older must not come to the disk behind it.
  changed_.wait(lock, [this] { return !next_ && !is_writing_; });
  const runtime::Result<void> written = write_file_(text);
  return written ? std::string() : written.error().text;
}

void NodesConfWriter::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return next_ || ends_; });
    if (!next_) return;
    const Order order = std::move(*next_);
    next_.reset();
    is_writing_ = true;
    lock.unlock();
    const runtime::Result<void> written = write_file_(order.text);
    told_(order.number, written ? std::string() : written.error().text);
    lock.lock();
    is_writing_ = false;
    changed_.notify_all();
  }
}

}  // namespace slotway::storage
