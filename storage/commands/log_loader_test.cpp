// SPDX-License-Identifier: Apache-2.0
// Logs that are cut or wrong: what is loaded is what stood before, or there is an error.
#include "storage/commands/log_loader.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "protocol/resp_writer.h"
#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

// Every so many of what could be tried; with SLOTWAY_CORRUPTIONS set, that many random ones.
int CorruptionRounds() {
  const char* wanted = std::getenv("SLOTWAY_CORRUPTIONS");
  return wanted != nullptr ? std::atoi(wanted) : 1500;
}

std::string LogCommand(const std::vector<std::string_view>& words) {
  std::string bytes;
  protocol::StringSink sink{bytes};
  protocol::WriteRequest(sink, words);
  return bytes;
}

class LogLoaderTest : public ::testing::Test {
 protected:
  LogLoaderTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "slotway-log-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~LogLoaderTest() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, std::string_view bytes) {
    const std::string file = directory_ + "/" + name;
    std::ofstream(file, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return file;
  }
  static std::string Read(const std::string& file) {
    std::ifstream input(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
  }
  // The error, or nothing.
  static std::string Load(CommandRunner& runner, const std::vector<std::string>& files) {
    auto loader = LogLoader::Open(runner.State(), files);
    if (!loader) return loader.error().text;
    auto status = DataLoader::Status::kReading;
    while (status == DataLoader::Status::kReading) status = (*loader)->Step();
    return status == DataLoader::Status::kFailed ? (*loader)->Error() : std::string();
  }

  std::string directory_;
};

TEST_F(LogLoaderTest, EveryPrefixIsCutBehindItsLastWholeCommand) {
  const std::vector<std::string> records = {
      LogCommand({"SELECT", "0"}),
      LogCommand({"SET", "a", "1"}),
      "#TS:1700000000\r\n",
      LogCommand({"MULTI"}) + LogCommand({"INCR", "a"}) + LogCommand({"RPUSH", "l", "x", "y"}) +
          LogCommand({"EXEC"}),
      LogCommand({"INCR", "a"}),
  };
  std::string log;
  std::vector<std::size_t> ends = {0};
  for (const std::string& record : records) ends.push_back((log += record).size());
  for (std::size_t length = 0; length <= log.size(); ++length) {
    CommandRunner runner;
    const std::string file = Write("log", std::string_view(log).substr(0, length));
    EXPECT_EQ(Load(runner, {file}), "") << length;
    std::size_t whole = 0;
    while (whole + 1 < ends.size() && ends[whole + 1] <= length) ++whole;
    EXPECT_EQ(std::filesystem::file_size(file), ends[whole]) << length;
    const std::string values[] = {"$-1\r\n",     "$-1\r\n",     "$1\r\n1\r\n",
                                  "$1\r\n1\r\n", "$1\r\n2\r\n", "$1\r\n3\r\n"};
    EXPECT_EQ(runner.Run({"get", "a"}), values[whole]) << length;
    EXPECT_EQ(runner.Run({"llen", "l"}), whole >= 4 ? ":2\r\n" : ":0\r\n") << length;
  }
}

TEST_F(LogLoaderTest, OnlyTheLastFileMayBeCutAndOnlyIfAllowed) {
  const std::string whole = LogCommand({"SET", "a", "1"});
  const std::string cut = whole + "*3\r\n$3\r\nSET";
  CommandRunner runner;
  const std::string first = Write("first", cut);
  const std::string second = Write("second", whole);
  EXPECT_EQ(Load(runner, {first, second}),
            first + ": the file ends in the middle of a command or transaction, near byte " +
                std::to_string(whole.size()));
  config::ShardConfig settings;
  settings.aof_load_truncated = false;
  CommandRunner strict(settings);
  EXPECT_NE(Load(strict, {second, first}).find("aof-load-truncated is off"), std::string::npos);
  EXPECT_EQ(Read(first), cut);
  EXPECT_NE(Load(runner, {directory_ + "/none"}).find("is not there"), std::string::npos);
}

TEST_F(LogLoaderTest, TellsWhatIsWrong) {
  struct Case {
    std::string bytes;
    std::string error;
  } cases[] = {
      {"SET a 1\r\n", "what is there is no command, near byte 0"},
      {LogCommand({"NOSUCH", "x"}), "there is no command 'NOSUCH', near byte 0"},
      {LogCommand({"SET", "x"}),
       "the command 'SET' has the wrong number of arguments, near byte 0"},
      {LogCommand({"SET", "x", "y"}) + LogCommand({"INCR", "x"}),
       "the command 'INCR' answered -ERR value is not an integer or out of range, near byte 27"},
      {LogCommand({"SYNC"}), "the command 'SYNC' does not belong into a log, near byte 0"},
      {LogCommand({"REPLICAOF", "NO", "ONE"}),
       "the command 'REPLICAOF' does not belong into a log, near byte 0"},
      {LogCommand({"SUBSCRIBE", "x"}),
       "the command 'SUBSCRIBE' does not belong into a log, near byte 0"},
      {LogCommand({"EXEC"}), "EXEC stands without MULTI, near byte 0"},
      {LogCommand({"MULTI"}) + LogCommand({"MULTI"}),
       "MULTI stands within a transaction, near byte 15"},
  };
  for (const Case& c : cases) {
    CommandRunner runner;
    const std::string file = Write("log", c.bytes);
    EXPECT_EQ(Load(runner, {file}), file + ": " + c.error);
  }
}

TEST_F(LogLoaderTest, RandomCorruptionsNeverCrash) {
  std::string log;
  for (int i = 0; i < 60; ++i) {
    const std::string number = std::to_string(i), id = "1-" + number;
    for (const auto& words :
         std::vector<std::vector<std::string_view>>{{"SET", number, "v", "PXAT", "4102444800000"},
                                                    {"HSET", "h", number, "v"},
                                                    {"ZADD", "z", number, "m"},
                                                    {"SADD", "s", number, "x"},
                                                    {"XADD", "st", id, "f", "v"},
                                                    {"MULTI"},
                                                    {"RPUSH", "l", number},
                                                    {"INCRBY", "n", number},
                                                    {"EXEC"},
                                                    {"DEL", "4"}}) {
      if (words[0] == "XADD" && i == 0) continue;
      log += LogCommand(words);
    }
  }
  std::mt19937_64 random(20261129);
  int failed = 0;
  for (int round = 0; round < CorruptionRounds(); ++round) {
    std::string changed = log;
    for (std::uint64_t i = random() % 3 + 1; i > 0; --i) {
      const std::size_t at = random() % changed.size();
      switch (random() % 3) {
        case 0:
          changed[at] = static_cast<char>(random());
          break;
        case 1:
          changed.erase(at, random() % 20);
          break;
        default:
          changed.insert(at, changed.substr(random() % changed.size(), random() % 20));
          break;
      }
    }
    CommandRunner runner;
    if (!Load(runner, {Write("log", changed)}).empty()) ++failed;
  }
  EXPECT_GT(failed, CorruptionRounds() / 2);
}

}  // namespace
}  // namespace slotway::storage
