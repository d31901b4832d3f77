// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/script_loader.h"

#include <array>

#include "protocol/resp_request_parser.h"
#include "protocol/resp_writer.h"

namespace slotway::proxy {
namespace {

// Beyond this many scripts of one connection it is forgotten which were loaded.
constexpr std::size_t kLoadedMax = 10'000;

}  // namespace

std::string ScriptLoader::DigestOf(std::string_view request_bytes) {
  protocol::RespRequestParser parser;
  if (parser.Parse(request_bytes) != protocol::RespRequestParser::Status::kRequest) return {};
  return parser.Args().size() > 1 ? std::string(parser.Args()[1]) : std::string();
}

ScriptLoader::Loading ScriptLoader::LoadAhead(ScriptMemory& memory, BackendConnection& connection,
                                              std::string_view digest) {
  if (memory.Generation() != generation_) {
    loaded_.clear();
    generation_ = memory.Generation();
  }
  Digests& loaded = loaded_[&connection];
  if (loaded.contains(digest)) return Loading::kDoneBefore;
  if (memory.Find(digest) == nullptr) return Loading::kUnknownScript;
  if (loaded.size() >= kLoadedMax) loaded.clear();
  loaded.emplace(digest);
  LoadAgain(memory, connection, digest);
  return Loading::kBegun;
}

void ScriptLoader::LoadAgain(ScriptMemory& memory, BackendConnection& connection,
                             std::string_view digest) {
  ScriptMemory::Text text = memory.Find(digest);
  if (text == nullptr) return;
  std::string bytes;
  protocol::StringSink sink{bytes};
  const std::array<std::string_view, 3> args = {"SCRIPT", "LOAD", *text};
  protocol::WriteRequest(sink, std::span<const std::string_view>(args));
  connection.Send(bytes, InFlight::Dropped());
}

bool ScriptLoader::NoteUnknown(ScriptMemory& memory, BackendConnection& connection,
                               std::string_view digest) {
  Digests& loaded = loaded_[&connection];
  if (auto known = loaded.find(digest); known != loaded.end()) loaded.erase(known);
  return memory.Find(digest) != nullptr;
}

}  // namespace slotway::proxy
