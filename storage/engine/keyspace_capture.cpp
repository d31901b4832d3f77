// SPDX-License-Identifier: Apache-2.0
// Snapshots: stamps, the walk, and what is preserved before it changes.
#include <algorithm>
#include <cassert>

#include "storage/engine/keyspace_impl.h"

namespace slotway::storage {
namespace {

// How many keys are brought into the cache together.
constexpr std::size_t kCaptureBatch = 32;

}  // namespace

void Keyspace::BeginCapture(EntryCapture& capture) {
  Impl& impl = *impl_;
  assert(impl.capture == nullptr);
  impl.capture = &capture;
  impl.capture_cursor = 0;
  impl.capture_walks = impl.size > 0;
  impl.stamp = !impl.stamp;
}

bool Keyspace::CaptureSome(std::size_t max_entries) {
  Impl& impl = *impl_;
  assert(impl.capture != nullptr);
  for (std::size_t done = 0; impl.capture_walks && done < max_entries; done += kCaptureBatch) {
    impl.capture_cursor = SampleFrom(impl.capture_cursor, kCaptureBatch,
                                     [&impl](const Entry& entry) { impl.CaptureNow(entry); });
    impl.capture_walks = impl.capture_cursor != 0;
  }
  if (impl.capture_walks) return true;
  if (impl.HoldsFlushedToCapture()) {
    FreeFlushed(max_entries);
    if (impl.HoldsFlushedToCapture()) return true;
  }
  impl.capture = nullptr;
  return false;
}

void Keyspace::Impl::CaptureNow(const Entry& entry) {
  Record record = entry.record_;
  if (record.stamp() == stamp) return;
  record.set_stamp(stamp);
  capture->Capture(entry);
}

bool Keyspace::Impl::HoldsFlushedToCapture() const {
  return std::any_of(flushed.begin(), flushed.end(),
                     [](const Flushed& item) { return item.to_capture; });
}

}  // namespace slotway::storage
