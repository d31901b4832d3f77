// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/rdb_snapshot.h"

#include <utility>

#include "storage/persistence/command_file_writer.h"

namespace slotway::storage {
namespace {

// Elements of a large value in a step, for each key that it might have taken.
constexpr std::size_t kElementsPerKey = 8;

std::unique_ptr<SnapshotWriter> WriterFor(const SnapshotSource& source, SnapshotSink& sink) {
  if (source.form == SnapshotSource::Form::kRdb) {
    return std::make_unique<RdbFileWriter>(sink, source.options);
  }
  return std::make_unique<CommandFileWriter>(sink, source.noted_time_s);
}

}  // namespace

struct RdbSnapshot::DatabaseCapture final : EntryCapture {
  DatabaseCapture(RdbSnapshot& owner, int db_index, Keyspace& captured)
      : snapshot(owner), keyspace(captured), index(db_index) {}
  void Capture(const Entry& entry) override { snapshot.WriteKey(index, keyspace, entry); }

  RdbSnapshot& snapshot;
  Keyspace& keyspace;
  int index;
};

RdbSnapshot::RdbSnapshot(SnapshotSource source, SnapshotSink& sink)
    : source_(std::move(source)), sink_(sink), writer_(WriterFor(source_, sink)) {
  writer_->Begin();
  for (const RdbAux& aux : source_.aux) writer_->Aux(aux.name, aux.value);
  for (const std::string& library : source_.libraries) writer_->Function(library);
  for (const auto& [index, keyspace] : source_.databases) {
    captures_.push_back(std::make_unique<DatabaseCapture>(*this, index, *keyspace));
    keyspace->BeginCapture(*captures_.back());
    keys_in_all_ += keyspace->Size();
    if (keyspace->Size() == 0) continue;
    writer_->ResizeDb(index, keyspace->Size(), keyspace->SizeWithExpiry());
  }
}

RdbSnapshot::~RdbSnapshot() = default;

bool RdbSnapshot::Step(std::size_t max_keys) {
  if (!is_given_up_ && sink_.HasFailed()) is_given_up_ = true;
  if (is_given_up_) large_values_.clear();
  if (!is_given_up_ && !sink_.HasRoom()) return true;
  if (!large_values_.empty()) {
    if (!large_values_.front()->Step(max_keys * kElementsPerKey, *writer_))
      large_values_.pop_front();
    return true;
  }
  // The end comes with a step of its own: the last keys may have to take their time, too.
  if (current_ < captures_.size()) {
    if (!captures_[current_]->keyspace.CaptureSome(max_keys)) ++current_;
    return true;
  }
  if (!is_given_up_) writer_->End();
  return false;
}

void RdbSnapshot::WriteKey(int db_index, Keyspace& keyspace, const Entry& entry) {
  if (is_given_up_) return;
  RdbAccess access;
  if (source_.access == SnapshotSource::Access::kIdle) {
    access.idle_seconds = static_cast<std::uint64_t>(keyspace.IdleSeconds(entry, source_.now_ms));
  } else if (source_.access == SnapshotSource::Access::kFrequency) {
    access.frequency = static_cast<std::uint8_t>(keyspace.Frequency(entry, source_.now_ms));
  }
  if (auto large = LargeValue::Begin(db_index, entry, access)) {
    large_values_.push_back(std::move(large));
  } else {
    writer_->Key(db_index, keyspace, entry, access);
  }
}

}  // namespace slotway::storage
