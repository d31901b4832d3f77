// SPDX-License-Identifier: Apache-2.0
#include "storage/replication/replication_log.h"

#include <algorithm>
#include <array>
#include <sys/uio.h>

namespace slotway::storage {

void ReplicationLog::Reset(std::int64_t offset) {
  bytes_.Clear();
  base_ = offset - static_cast<std::int64_t>(bytes_.End());
}

void ReplicationLog::SetWantedBytes(std::size_t bytes) {
  wanted_bytes_ = bytes;
  Trim();
}

void ReplicationLog::Append(std::string_view bytes) {
  bytes_.Append(bytes);
  Trim();
}

void ReplicationLog::RemoveReader(std::int64_t offset) {
  readers_.erase(readers_.find(offset));
  Trim();
}

std::int64_t ReplicationLog::Read(std::int64_t offset, std::size_t bytes_max,
                                  runtime::ByteQueue& out) {
  std::array<iovec, 16> pieces;
  const auto position = static_cast<runtime::ByteQueue::Position>(offset - base_);
  const std::size_t count = bytes_.Gather(position, pieces);
  std::int64_t end = offset;
  for (std::size_t i = 0; i < count && bytes_max > 0; ++i) {
    const std::size_t size = std::min(bytes_max, pieces[i].iov_len);
    out.Append({static_cast<const char*>(pieces[i].iov_base), size});
    bytes_max -= size;
    end += static_cast<std::int64_t>(size);
  }
  readers_.erase(readers_.find(offset));
  readers_.insert(end);
  Trim();
  return end;
}

void ReplicationLog::Trim() {
  const std::size_t size = bytes_.Size();
  if (size <= wanted_bytes_) return;
  std::int64_t needed = Offset() - static_cast<std::int64_t>(wanted_bytes_);
  if (!readers_.empty()) needed = std::min(needed, *readers_.begin());
  if (needed > FirstOffset()) {
    bytes_.ReleaseTo(static_cast<runtime::ByteQueue::Position>(needed - base_));
  }
}

}  // namespace slotway::storage
