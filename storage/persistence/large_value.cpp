// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/large_value.h"

namespace slotway::storage {
namespace {

// Fewer elements are written in about the time that a turn may take anyway.
constexpr std::size_t kLargeFrom = 512;

}  // namespace

std::unique_ptr<LargeValue> LargeValue::Begin(int db_index, const Entry& entry,
                                              const RdbAccess& access) {
  if (LayoutOf(entry.encoding()) != ValueLayout::kObject) return nullptr;
  if (entry.Object()->ElementCount() < kLargeFrom) return nullptr;
  std::unique_ptr<LargeValue> value(new LargeValue(db_index, entry, access));
  if (value->object_->BeginCapture(*value)) return value;
  value->object_ = nullptr;
  return nullptr;
}

LargeValue::LargeValue(int db_index, const Entry& entry, const RdbAccess& access)
    : head_{.db_index = db_index,
            .type = entry.type(),
            .key = std::string(entry.key()),
            .expire_at_ms = entry.expire_at_ms(),
            .access = access,
            .element_count = entry.Object()->ElementCount()},
      object_(entry.Object()) {}

LargeValue::~LargeValue() {
  if (object_ != nullptr) object_->EndCapture();
}

void LargeValue::Take(const ValueElement& element) {
  if (writer_ != nullptr) {
    writer_->Element(element);
  } else {
    kept_.push_back({std::string(element.name), std::string(element.value), element.score});
  }
}

bool LargeValue::Step(std::size_t max_elements, SnapshotWriter& writer) {
  if (!has_begun_) writer.BeginValue(head_);
  has_begun_ = true;
  for (; !kept_.empty() && max_elements > 0; --max_elements) {
    const KeptElement& element = kept_.front();
    writer.Element({.name = element.name, .value = element.value, .score = element.score});
    kept_.pop_front();
  }
  if (object_ != nullptr && max_elements > 0) {
    writer_ = &writer;
    const bool has_more = object_->CaptureSome(max_elements);
    writer_ = nullptr;
    if (!has_more) {
      object_->EndCapture();
      object_ = nullptr;
    }
  }
  if (object_ != nullptr || !kept_.empty()) return true;
  writer.EndValue();
  return false;
}

}  // namespace slotway::storage
