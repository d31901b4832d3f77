// SPDX-License-Identifier: Apache-2.0
// The hot path's parts in protocol/: one iteration is one pipeline of 64 requests or replies.
// Instructions per message: valgrind --tool=callgrind over one benchmark, or
// --benchmark_perf_counters=INSTRUCTIONS where the kernel lets.
#include <benchmark/benchmark.h>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/acl_check.h"
#include "protocol/command_table.h"
#include "protocol/glob.h"
#include "protocol/resp_reply_scanner.h"
#include "protocol/resp_request_parser.h"
#include "protocol/resp_writer.h"
#include "protocol/slot.h"

namespace slotway::protocol {
namespace {

constexpr int kPipeline = 64;

std::string Repeat(std::string_view message) {
  std::string stream;
  for (int i = 0; i < kPipeline; ++i) stream += message;
  return stream;
}

void ParseRequests(benchmark::State& state, std::string_view message) {
  const std::string stream = Repeat(message);
  RespRequestParser parser;
  for (auto _ : state) {
    std::string_view rest = stream;
    while (parser.Parse(rest) == RespRequestParser::Status::kRequest) {
      benchmark::DoNotOptimize(parser.Args().data());
      rest.remove_prefix(parser.Consumed());
    }
  }
  state.SetItemsProcessed(state.iterations() * kPipeline);
}

void ScanReplies(benchmark::State& state, std::string_view message) {
  const std::string stream = Repeat(message);
  RespReplyScanner scanner;
  for (auto _ : state) {
    std::string_view rest = stream;
    while (scanner.Scan(rest) == RespReplyScanner::Status::kReply) {
      benchmark::DoNotOptimize(scanner.Type());
      rest.remove_prefix(scanner.Consumed());
    }
  }
  state.SetItemsProcessed(state.iterations() * kPipeline);
}

constexpr std::string_view kGet = "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000042\r\n";
constexpr std::string_view kSet =
    "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000042\r\n$32\r\n0123456789abcdef0123456789abcdef\r\n";

BENCHMARK_CAPTURE(ParseRequests, get, kGet);
BENCHMARK_CAPTURE(ParseRequests, set, kSet);
BENCHMARK_CAPTURE(ParseRequests, inline_ping, "PING\r\n");

void ParseRequestInTwoPieces(benchmark::State& state) {
  RespRequestParser parser;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.Parse(kSet.substr(0, kSet.size() / 2)));
    benchmark::DoNotOptimize(parser.Parse(kSet));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(ParseRequestInTwoPieces);

// A bulk of 64 MB in pieces of 64 KB: the bytes themselves are never looked at.
void ParseLargeBulk(benchmark::State& state) {
  constexpr std::size_t kLength = 64u << 20;
  constexpr std::size_t kPiece = 64u << 10;
  const std::string stream = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$" + std::to_string(kLength) + "\r\n" +
                             std::string(kLength, 'x') + "\r\n";
  RespRequestParser parser;
  for (auto _ : state) {
    for (std::size_t there = kPiece; there < stream.size(); there += kPiece) {
      benchmark::DoNotOptimize(parser.Parse(std::string_view(stream).substr(0, there)));
    }
    benchmark::DoNotOptimize(parser.Parse(stream));
  }
}
BENCHMARK(ParseLargeBulk);

BENCHMARK_CAPTURE(ScanReplies, bulk, "$16\r\n0123456789abcdef\r\n");
BENCHMARK_CAPTURE(ScanReplies, null, "$-1\r\n");
BENCHMARK_CAPTURE(ScanReplies, ok, "+OK\r\n");
BENCHMARK_CAPTURE(ScanReplies, integer, ":1000\r\n");
BENCHMARK_CAPTURE(ScanReplies, moved, "-MOVED 3999 127.0.0.1:6381\r\n");
BENCHMARK_CAPTURE(ScanReplies, array_of_ten,
                  "*10\r\n$2\r\nv0\r\n$2\r\nv1\r\n$2\r\nv2\r\n$2\r\nv3\r\n$2\r\nv4\r\n"
                  "$2\r\nv5\r\n$2\r\nv6\r\n$2\r\nv7\r\n$2\r\nv8\r\n$2\r\nv9\r\n");

void HashKey(benchmark::State& state, std::string_view key) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(key);
    benchmark::DoNotOptimize(SlotOfKey(key));
  }
}
BENCHMARK_CAPTURE(HashKey, key16, "key:000000000042");
BENCHMARK_CAPTURE(HashKey, tagged, "{user1000}.following");

void MatchGlob(benchmark::State& state, std::string_view pattern) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(GlobMatches(pattern, "user:1000:session:abcdef"));
  }
}
BENCHMARK_CAPTURE(MatchGlob, prefix, "user:*");
BENCHMARK_CAPTURE(MatchGlob, middle, "*session*f");

std::string NoHash(std::string_view) { return {}; }

void CheckUser(benchmark::State& state, std::vector<std::string_view> rules,
               std::vector<std::string_view> request) {
  const AclContext context{.hash = &NoHash};
  AclUser user("u", context);
  if (!user.ApplyAll(rules, context)) state.SkipWithError("a rule was refused");
  const CommandSpec& spec = *FindCommand(request);
  std::vector<KeyPosition> keys;
  for (auto _ : state) {
    benchmark::DoNotOptimize(CheckAcl(user, spec, request, keys).denial);
  }
}
#define CHECK_USER(name, ...) BENCHMARK_CAPTURE(CheckUser, name, __VA_ARGS__)
using Words = std::vector<std::string_view>;
CHECK_USER(all_keys, Words{"+@read", "+@write", "~*"}, Words{"get", "app:1000"});
CHECK_USER(one_prefix, Words{"+@all", "-@dangerous", "~app:*"}, Words{"get", "app:1000"});
CHECK_USER(one_prefix_set, Words{"+@all", "-@dangerous", "~app:*"}, Words{"set", "app:1000", "v"});
CHECK_USER(read_and_write, Words{"+@all", "%R~a:*", "%R~b:*", "%W~c:*", "~app:*"},
           Words{"get", "app:1000"});
CHECK_USER(glob, Words{"+@all", "~app:*:session:*"}, Words{"get", "app:1000:session:abcdef"});
CHECK_USER(mget_10, Words{"+@all", "~app:*"},
           Words{"mget", "app:1", "app:2", "app:3", "app:4", "app:5", "app:6", "app:7", "app:8",
                 "app:9", "app:10"});
CHECK_USER(second_selector, Words{"+@read", "~ro:*", "(+@write ~app:*)"},
           Words{"set", "app:1000", "v"});
CHECK_USER(publish, Words{"+@all", "~*", "&news:*"}, Words{"publish", "news:1", "m"});

void FormatDoubles(benchmark::State& state) {
  char buffer[32];
  double value = 0.1;
  for (auto _ : state) {
    benchmark::DoNotOptimize(FormatDouble(value, std::span<char, 32>(buffer)));
    value += 0.37;
  }
}
BENCHMARK(FormatDoubles);

}  // namespace
}  // namespace slotway::protocol
