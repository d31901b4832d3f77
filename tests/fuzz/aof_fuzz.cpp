// SPDX-License-Identifier: Apache-2.0
// Input: what stands in the files of an append-only log, read as a manifest and as commands. A
// manifest that can be read is the same when it is written and read again, and names files of its
// own directory only. Commands are the same wherever the file is cut.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "protocol/log_record_parser.h"
#include "storage/persistence/aof_manifest.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using slotway::protocol::LogRecordParser;
using slotway::storage::AofManifest;
using Status = LogRecordParser::Status;

void CheckManifest(std::string_view text) {
  const auto manifest = AofManifest::Parse(text);
  if (!manifest) return;
  const std::string written = manifest->Format();
  const auto again = AofManifest::Parse(written);
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(again->Format() == written);
  for (const std::string& name : manifest->FilesToRead()) {
    FUZZ_CHECK(!name.empty() && name.find('/') == std::string::npos);
  }
  FUZZ_CHECK(!manifest->NextBase("appendonly.aof", true).name.empty());
  FUZZ_CHECK(!manifest->NextIncrement("appendonly.aof").name.empty());
}

// A copy of exactly what is there: nothing behind it is read unnoticed.
Status ParseCopy(LogRecordParser& parser, std::string_view bytes, std::vector<std::string>* args) {
  const auto copy = std::make_unique<char[]>(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
  const Status status = parser.Parse({copy.get(), bytes.size()});
  if (args != nullptr) args->assign(parser.Args().begin(), parser.Args().end());
  return status;
}

void CheckCommands(std::string_view bytes) {
  for (int count = 0; count < 16 && !bytes.empty(); ++count) {
    LogRecordParser parser;
    std::vector<std::string> args;
    const Status status = ParseCopy(parser, bytes, &args);
    const bool is_whole = status == Status::kCommand || status == Status::kNote;
    if (!is_whole) args.clear();
    const std::size_t length =
        is_whole ? parser.Consumed() : std::min<std::size_t>(bytes.size(), 300);
    FUZZ_CHECK(length > 0 && length <= bytes.size());
    if (status == Status::kCommand) FUZZ_CHECK(!args.empty());
    LogRecordParser in_pieces;
    for (std::size_t cut = 0; cut < std::min<std::size_t>(length, 300); ++cut) {
      const Status sooner = ParseCopy(in_pieces, bytes.substr(0, cut), nullptr);
      FUZZ_CHECK(sooner == Status::kIncomplete || (sooner == Status::kBad && status == sooner));
      if (sooner == Status::kBad) return;
    }
    if (!is_whole) return;
    bytes.remove_prefix(length);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = slotway::fuzz::AsText(data, size);
  CheckManifest(input);
  CheckCommands(input);
  return 0;
}
