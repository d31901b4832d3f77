// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/propagation.h"

#include <algorithm>
#include <utility>

#include "protocol/resp_writer.h"

namespace slotway::storage {
namespace {

// What a unit took beyond this is given back.
constexpr std::size_t kKeptBytes = 64 * 1024;

void AppendCommand(std::string& bytes, std::span<const std::string_view> args) {
  protocol::StringSink sink{bytes};
  protocol::WriteRequest(sink, args);
}

void AppendWord(std::string& bytes, std::string_view word) {
  AppendCommand(bytes, std::span(&word, 1));
}

void AppendSelect(std::string& bytes, int db_index) {
  const std::string number = std::to_string(db_index);
  const std::string_view select[] = {"SELECT", number};
  AppendCommand(bytes, select);
}

void Empty(std::string& bytes) {
  bytes.clear();
  if (bytes.capacity() > kKeptBytes) bytes.shrink_to_fit();
}

Audience Both(Audience one, Audience other) {
  return static_cast<Audience>(static_cast<unsigned>(one) & static_cast<unsigned>(other));
}

bool IsFor(Audience audience, Audience feed) { return Both(audience, feed) != Audience::kNobody; }

}  // namespace

void Propagation::Add(int db_index, std::span<const std::string_view> args, Audience audience) {
  if (IsFor(audience, limit_)) AddPart(db_index, args, Both(audience, limit_));
}

void Propagation::AddPart(int db_index, std::span<const std::string_view> args, Audience audience) {
  AppendCommand(bytes_, args);
  parts_.push_back({db_index, audience, bytes_.size()});
}

void Propagation::AddDeletion(int db_index, std::string_view key, bool is_lazy) {
  const std::string_view args[] = {is_lazy ? "UNLINK" : "DEL", key};
  AddPart(db_index, args, Audience::kAll);
}

void Propagation::HandOut(bool is_one_unit) {
  for (ChangeFeed* feed : feeds_) HandOutTo(*feed, is_one_unit);
  parts_.clear();
  Empty(bytes_);
}

void Propagation::HandOutTo(ChangeFeed& feed, bool is_one_unit) {
  const auto its_parts = std::count_if(parts_.begin(), parts_.end(), [&](const Part& part) {
    return IsFor(part.audience, feed.audience_);
  });
  if (its_parts == 0) return;
  const bool is_transaction = is_one_unit && its_parts > 1;
  bool is_open = !is_transaction;
  std::size_t begin = 0;
  for (const Part& part : parts_) {
    if (IsFor(part.audience, feed.audience_)) {
      if (feed.selected_db_ != part.db_index) {
        AppendSelect(handed_out_, part.db_index);
        feed.selected_db_ = part.db_index;
      }
      if (!std::exchange(is_open, true)) AppendWord(handed_out_, "MULTI");
      handed_out_.append(bytes_, begin, part.end - begin);
    }
    begin = part.end;
  }
  if (is_transaction) AppendWord(handed_out_, "EXEC");
  feed.Append(handed_out_);
  Empty(handed_out_);
}

}  // namespace slotway::storage
