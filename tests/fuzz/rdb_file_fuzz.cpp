// SPDX-License-Identifier: Apache-2.0
// Input: a byte, then an RDB file behind its header. It is fed in pieces of the size that the byte says,
// and comes to the same end as in one piece.
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "storage/persistence/rdb_file_reader.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace slotway;
using namespace slotway::storage;

class FuzzTarget final : public RdbReadTarget {
 public:
  Keyspace* Database(std::uint64_t index) override {
    if (index >= databases.size()) return nullptr;
    if (!databases[index]) databases[index] = std::make_unique<Keyspace>(arena, KeyspaceOptions{});
    return databases[index].get();
  }
  void Aux(std::string_view, std::string_view) override {}
  std::optional<std::string> Function(std::string_view) override { return std::nullopt; }

  RecordArena arena{std::size_t{1} << 32};
  std::array<std::unique_ptr<Keyspace>, 2> databases;
};

struct Outcome {
  RdbFileReader::Status status = RdbFileReader::Status::kReading;
  std::string error;
  std::uint64_t keys = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome Read(std::string_view file, std::size_t piece) {
  FuzzTarget target;
  RdbFileReader reader(target, {.now_ms = 1'700'000'000'000});
  Outcome outcome;
  while (!file.empty() && outcome.status == RdbFileReader::Status::kReading) {
    std::size_t taken = 0;
    outcome.status = reader.Feed(file.substr(0, piece), taken);
    file.remove_prefix(std::min(piece, file.size()));
  }
  if (outcome.status == RdbFileReader::Status::kFailed) outcome.error = reader.Error();
  outcome.keys = reader.KeysLoaded();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string file = "REDIS0011" + std::string(fuzz::AsText(data + 1, size - 1));
  FUZZ_CHECK(Read(file, std::size_t{1} + data[0]) == Read(file, file.size()));
  return 0;
}
