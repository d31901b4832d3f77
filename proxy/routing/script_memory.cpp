// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/script_memory.h"

#include <algorithm>

#include "protocol/ascii.h"
#include "runtime/sha1.h"

namespace slotway::proxy {
namespace {

// What a script takes beside its text: list and index nodes, the digest.
constexpr std::size_t kOverheadBytes = 256;

}  // namespace

void ScriptMemory::SetBound(std::size_t bytes_max) {
  std::lock_guard lock(mutex_);
  bytes_max_ = bytes_max;
  DropAbove(bytes_max);
}

void ScriptMemory::Remember(std::string_view text) {
  std::lock_guard lock(mutex_);
  auto known = by_text_.find(text);
  if (known != by_text_.end()) {
    scripts_.splice(scripts_.begin(), scripts_, known->second);
    return;
  }
  std::size_t bytes = text.size() + kOverheadBytes;
  if (bytes > bytes_max_) return;
  DropAbove(bytes_max_ - bytes);
  scripts_.push_front({runtime::Sha1Hex(text), std::make_shared<const std::string>(text)});
  by_text_.emplace(*scripts_.front().text, scripts_.begin());
  by_digest_.emplace(scripts_.front().digest, scripts_.begin());
  bytes_ += bytes;
}

void ScriptMemory::Forget(std::string_view text) {
  std::lock_guard lock(mutex_);
  auto known = by_text_.find(text);
  if (known != by_text_.end()) Drop(known->second);
}

ScriptMemory::Text ScriptMemory::Find(std::string_view digest) {
  std::string lower(digest);
  std::transform(lower.begin(), lower.end(), lower.begin(), protocol::ToLowerAscii);
  std::lock_guard lock(mutex_);
  auto known = by_digest_.find(lower);
  if (known == by_digest_.end()) return nullptr;
  scripts_.splice(scripts_.begin(), scripts_, known->second);
  return known->second->text;
}

void ScriptMemory::DropAbove(std::size_t bytes) {
  while (bytes_ > bytes) Drop(std::prev(scripts_.end()));
}

void ScriptMemory::Drop(Scripts::iterator script) {
  bytes_ -= script->text->size() + kOverheadBytes;
  by_text_.erase(*script->text);
  by_digest_.erase(script->digest);
  scripts_.erase(script);
}

void ScriptMemory::Clear() {
  std::lock_guard lock(mutex_);
  while (!scripts_.empty()) Drop(scripts_.begin());
  generation_.fetch_add(1, std::memory_order_release);
}

std::size_t ScriptMemory::Bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace slotway::proxy
