// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/persistence/rdb_file_reader.h"
#include "storage/persistence/rdb_file_writer.h"

namespace slotway::storage {
namespace {

constexpr std::int64_t kFileTestNow = 1'700'000'000'000;

class StringSink final : public RdbSink {
 public:
  void Take(std::string& chunk) override {
    bytes += chunk;
    ++chunks;
  }
  std::string bytes;
  int chunks = 0;
};

class FileTestTarget final : public RdbReadTarget {
 public:
  Keyspace* Database(std::uint64_t index) override {
    if (index >= 16) return nullptr;
    auto& database = databases[index];
    if (!database) database = std::make_unique<Keyspace>(arena, KeyspaceOptions{});
    return database.get();
  }
  void Aux(std::string_view name, std::string_view value) override {
    aux[std::string(name)] = value;
  }
  std::optional<std::string> Function(std::string_view library) override {
    libraries.emplace_back(library);
    return std::nullopt;
  }

  RecordArena arena;
  std::map<std::uint64_t, std::unique_ptr<Keyspace>> databases;
  std::map<std::string, std::string> aux;
  std::vector<std::string> libraries;
};

struct FileRead {
  FileTestTarget target;
  RdbFileReader reader;
  RdbFileReader::Status status = RdbFileReader::Status::kReading;
  std::size_t taken = 0;

  explicit FileRead(std::string_view bytes, std::size_t piece = SIZE_MAX, bool drops_due = true)
      : reader(target, {.now_ms = kFileTestNow, .drops_due_keys = drops_due}) {
    while (status == RdbFileReader::Status::kReading && !bytes.empty()) {
      std::size_t taken_now = 0;
      status = reader.Feed(bytes.substr(0, piece), taken_now);
      taken += taken_now;
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
  }
};

std::string FixtureFile(const std::string& name) {
  std::ifstream file(SLOTWAY_TEST_DATA "/persistence/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What a file of all that `read` holds looks like.
std::string WrittenAgain(FileRead& read, const RdbFileOptions& options) {
  StringSink sink;
  RdbFileWriter writer(sink, options);
  writer.Begin();
  for (const auto& [name, value] : read.target.aux) writer.Aux(name, value);
  for (const std::string& library : read.target.libraries) writer.Function(library);
  for (auto& [index, database] : read.target.databases) {
    const auto db_index = static_cast<int>(index);
    writer.ResizeDb(db_index, database->Size(), database->SizeWithExpiry());
    std::uint64_t cursor = 0;
    do {
      cursor = database->Scan(
          cursor, 100, kFileTestNow,
          [&, &from = *database](const Entry& entry) { writer.Key(db_index, from, entry, {}); });
    } while (cursor != 0);
  }
  writer.End();
  return sink.bytes;
}

TEST(RdbFileTest, FilesOfOthersAreReadInPiecesOfAnySize) {
  for (const char* name : {"redis-7.0.15.rdb", "valkey-8.rdb"}) {
    const std::string bytes = FixtureFile(name);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, SIZE_MAX}) {
      const FileRead read(bytes, piece);
      ASSERT_EQ(read.status, RdbFileReader::Status::kDone) << name << read.reader.Error();
      EXPECT_EQ(read.taken, bytes.size());
      EXPECT_EQ(read.reader.KeysLoaded(), read.target.databases.at(0)->Size());
      EXPECT_EQ(read.target.libraries.size(), 1u);
      EXPECT_TRUE(read.target.aux.contains("redis-ver") || read.target.aux.contains("valkey-ver"));
    }
  }
}

TEST(RdbFileTest, WhatIsWrittenIsReadAgain) {
  FileRead first(FixtureFile("valkey-8.rdb"));
  for (const RdbFileOptions& options :
       {RdbFileOptions{}, RdbFileOptions{.version = kRdbVersionRedis70},
        RdbFileOptions{.compresses = false, .has_checksum = false}}) {
    const std::string written = WrittenAgain(first, options);
    FileRead second(written, 1000);
    ASSERT_EQ(second.status, RdbFileReader::Status::kDone) << second.reader.Error();
    EXPECT_EQ(second.reader.version(), options.version);
    EXPECT_EQ(second.reader.KeysLoaded(), first.reader.KeysLoaded());
    EXPECT_EQ(WrittenAgain(second, options).size(), written.size());
  }
}

TEST(RdbFileTest, CompressionMakesItShorter) {
  FileRead read(FixtureFile("redis-7.0.15.rdb"));
  EXPECT_LT(WrittenAgain(read, {}).size() * 3,
            WrittenAgain(read, {.compresses = false}).size() * 2);
}

TEST(RdbFileTest, AValueThatIsLongGoesInSeveralChunks) {
  FileTestTarget target;
  Keyspace& database = *target.Database(0);
  const std::string value(300000, 'x');
  database.SetString(protocol::SlotOfKey("k"), "k", value, TtlChange::Clear(), kFileTestNow);
  StringSink sink;
  RdbFileWriter writer(sink, {.compresses = false});
  writer.Begin();
  writer.Key(0, database, database.Find(protocol::SlotOfKey("k"), "k", kFileTestNow), {});
  EXPECT_GE(sink.chunks, 1);
  writer.End();
  EXPECT_EQ(FileRead(sink.bytes).status, RdbFileReader::Status::kDone);
}

TEST(RdbFileTest, WhatFollowsTheEndIsNotTaken) {
  const std::string bytes = FixtureFile("redis-7.0.15.rdb");
  for (const std::size_t piece : {std::size_t{5}, std::size_t{1000}, SIZE_MAX}) {
    const FileRead read(bytes + "+OK and more", piece);
    EXPECT_EQ(read.status, RdbFileReader::Status::kDone);
    EXPECT_EQ(read.taken, bytes.size());
  }
}

TEST(RdbFileTest, NoPrefixIsTakenForAWholeFile) {
  const std::string bytes = FixtureFile("redis-7.0.15.rdb");
  for (std::size_t length = 0; length < bytes.size(); length += 97) {
    const FileRead read(std::string_view(bytes).substr(0, length));
    EXPECT_EQ(read.status, RdbFileReader::Status::kReading) << length;
    EXPECT_NE(read.reader.ErrorOfEnd().find("ends too early"), std::string::npos);
  }
}

// SLOTWAY_CORRUPTIONS: how many.
int RdbCorruptionRounds() {
  const char* wanted = std::getenv("SLOTWAY_CORRUPTIONS");
  return wanted != nullptr ? std::atoi(wanted) : 500;
}

// Without a checksum anything may be taken for data, but nothing does any harm.
TEST(RdbFileTest, CorruptionWithoutAChecksumDoesNoHarm) {
  FileRead whole(FixtureFile("valkey-8.rdb"));
  const std::string bytes = WrittenAgain(whole, {.compresses = false, .has_checksum = false});
  std::uint64_t random = 88172645463325252;
  for (int round = 0; round < RdbCorruptionRounds(); ++round) {
    std::string changed = bytes;
    for (int i = 0; i < 3; ++i) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      changed[random % bytes.size()] = static_cast<char>(random >> 40);
    }
    FileRead read(changed, 4096);
    if (read.status == RdbFileReader::Status::kDone) WrittenAgain(read, {});
  }
  SUCCEED();
}

// Of the files that are wrong in one place, none is loaded without an error.
TEST(RdbFileTest, CorruptionIsNoticed) {
  const std::string bytes = FixtureFile("valkey-8.rdb");
  std::uint64_t random = 88172645463325252;
  for (int round = 0; round < RdbCorruptionRounds(); ++round) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    std::string changed = bytes;
    const std::size_t at = random % bytes.size();
    changed[at] = static_cast<char>(changed[at] ^ (1 + (random >> 32) % 255));
    const FileRead read(changed, 4096);
    EXPECT_NE(read.status, RdbFileReader::Status::kDone) << "byte " << at;
  }
}

struct BadFile {
  std::string bytes;
  std::string error;
};

TEST(RdbFileTest, TellsWhatIsWrong) {
  const std::string header = "REDIS0011";
  const BadFile cases[] = {
      {"RDIS00111", "it does not begin as an RDB file, at byte 0"},
      {"REDIS00x1", "its version is no number, at byte 0"},
      {"REDIS0012", "RDB version 12 cannot be read: only 1 to 11, at byte 0"},
      {"REDIS0000", "RDB version 0 cannot be read: only 1 to 11, at byte 0"},
      {header + "\xfe\x20", "there is no database 32 here, at byte 10"},
      {header + "\xf7", "it holds data of a module, and no modules can be loaded, at byte 10"},
      {header + "\x07", "it holds data of a module, and no modules can be loaded, at byte 10"},
      {header + "\xf6",
       "it holds functions as release candidates of Redis 7.0 wrote them, at byte 10"},
      {header + "\x08", "there is no type or opcode 8, at byte 10"},
      {header + std::string("\x00\x01k\xc7", 4),
       "what is there is no length or string, at byte 10"},
      {header + std::string("\x04\x01k\x00", 4),
       "the value of the key 'k', of type 4, is no good, at byte 10"},
      {header + std::string("\x00\x01k\x01v\x00\x01k\x01v", 10),
       "the key 'k' is there already, at byte 15"},
      {header + std::string("\xff\x01\x00\x00\x00\x00\x00\x00\x00", 9),
       "CRC error: the checksum does not match, at byte 10"},
  };
  for (const BadFile& bad : cases) {
    const FileRead read(bad.bytes);
    EXPECT_EQ(read.status, RdbFileReader::Status::kFailed) << bad.error;
    EXPECT_EQ(read.reader.Error(), bad.error);
  }
}

TEST(RdbFileTest, KeysWhoseTimeHasComeAreLeftOutOrKept) {
  FileTestTarget target;
  Keyspace& database = *target.Database(3);
  for (const auto& [key, at_ms] :
       {std::pair{"due", kFileTestNow - 1}, {"later", kFileTestNow + 1}}) {
    database.SetString(protocol::SlotOfKey(key), key, "v", TtlChange::At(at_ms), at_ms - 10);
  }
  StringSink sink;
  RdbFileWriter writer(sink, {});
  writer.Begin();
  for (const char* key : {"due", "later"}) {
    const Entry entry = database.Find(protocol::SlotOfKey(key), key, kFileTestNow - 10);
    writer.Key(3, database, entry, {.idle_seconds = 100, .frequency = {}});
  }
  writer.End();
  FileRead dropping(sink.bytes);
  EXPECT_EQ(dropping.reader.KeysLoaded(), 1u);
  EXPECT_EQ(dropping.reader.KeysDropped(), 1u);
  Keyspace& loaded = *dropping.target.databases.at(3);
  const Entry entry =
      loaded.Find(protocol::SlotOfKey("later"), "later", kFileTestNow, Access::kPeek);
  EXPECT_EQ(entry.expire_at_ms(), kFileTestNow + 1);
  EXPECT_EQ(loaded.IdleSeconds(entry, kFileTestNow), 100);
  const FileRead keeping(sink.bytes, SIZE_MAX, false);
  EXPECT_EQ(keeping.reader.KeysLoaded(), 2u);
}

}  // namespace
}  // namespace slotway::storage
