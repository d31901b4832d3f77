// SPDX-License-Identifier: Apache-2.0
#include "storage/scripting/function_libraries.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/crc64.h"
#include "storage/persistence/dump_payload.h"
#include "storage/scripting/library_loading.h"
#include "storage/scripting/script_engine.h"
#include "storage/scripting/script_environment.h"

namespace slotway::storage {
namespace {

// In a payload, and in RDB files, before each library; the first is of Redis 7.0's previews.
constexpr std::uint8_t kOldLibraryOpcode = 246;
constexpr std::uint8_t kLibraryOpcode = 245;
constexpr std::size_t kFooterBytes = 10;

std::string ReadOldLibrary(RdbReader& reader) {
  std::string name, engine, ignored, code;
  reader.String(name);
  reader.String(engine);
  if (reader.Length() != 0) reader.String(ignored);  // a description
  reader.String(code);
  return "#!" + engine + " name=" + name + "\n" + code;
}

}  // namespace

FunctionLibrary::~FunctionLibrary() {
  for (const auto& [key, function] : functions) {
    luaL_unref(state.Lua(), LUA_REGISTRYINDEX, function.function);
  }
}

bool LibrarySet::LessNoCase::operator()(std::string_view a, std::string_view b) const {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return protocol::ToLowerAscii(x) < protocol::ToLowerAscii(y);
  });
}

const ScriptFunction* LibrarySet::FindFunction(std::string_view name) const {
  const auto found = functions_.find(name);
  return found != functions_.end() ? found->second : nullptr;
}

void LibrarySet::Link(std::unique_ptr<FunctionLibrary> library) {
  for (const auto& [name, function] : library->functions) functions_.emplace(name, &function);
  std::string name = library->name;
  libraries_.emplace(std::move(name), std::move(library));
}

std::unique_ptr<FunctionLibrary> LibrarySet::Take(std::string_view name) {
  const auto found = libraries_.find(name);
  if (found == libraries_.end()) return nullptr;
  auto library = std::move(found->second);
  libraries_.erase(found);
  for (const auto& [function_name, function] : library->functions) {
    const auto linked = functions_.find(function_name);
    if (linked != functions_.end() && linked->second == &function) functions_.erase(linked);
  }
  return library;
}

bool LibrarySet::Remove(std::string_view library) { return Take(library) != nullptr; }

tl::expected<void, std::string> LibrarySet::Put(std::unique_ptr<FunctionLibrary> library) {
  LibrarySet one;
  one.Link(std::move(library));
  return Join(std::move(one), /*replaces=*/true);
}

tl::expected<void, std::string> LibrarySet::Join(LibrarySet other, bool replaces) {
  std::vector<std::unique_ptr<FunctionLibrary>> replaced;
  std::string error;
  for (const auto& [name, library] : other.libraries_) {
    if (!libraries_.contains(name)) continue;
    if (!replaces) {
      error = "ERR Library " + name + " already exists";
      break;
    }
    replaced.push_back(Take(name));
  }
  for (const auto& [name, function] : other.functions_) {
    if (!error.empty()) break;
    if (functions_.contains(name)) error = "ERR Function " + name + " already exists";
  }
  if (!error.empty()) {
    for (auto& library : replaced) Link(std::move(library));
    return tl::unexpected(std::move(error));
  }
  for (auto& [name, library] : other.libraries_) Link(std::move(library));
  return {};
}

FunctionLibraries::FunctionLibraries(ScriptEngine& engine)
    : state_(std::make_unique<LuaState>(&engine, &engine.Random())) {
  OpenFunctionEnvironment(state_->Lua());
}

tl::expected<std::string, std::string> FunctionLibraries::Load(std::string_view code,
                                                               bool replaces) {
  return LoadInto(current_, code, replaces);
}

tl::expected<std::string, std::string> FunctionLibraries::LoadInto(LibrarySet& set,
                                                                   std::string_view code,
                                                                   bool replaces) {
  const auto header = ReadLibraryHeader(code);
  if (!header) return tl::unexpected(header.error());
  if (set.Contains(header->name) && !replaces) {
    return tl::unexpected("ERR Library '" + header->name + "' already exists");
  }
  auto library = std::make_unique<FunctionLibrary>(*state_, header->name, code);
  auto loaded = RunLibrary(*state_, *library, code.substr(header->bytes));
  if (!loaded) return tl::unexpected(loaded.error());
  if (library->functions.empty()) return tl::unexpected<std::string>("ERR No functions registered");
  if (auto put = set.Put(std::move(library)); !put) return tl::unexpected(put.error());
  return header->name;
}

std::string FunctionLibraries::Dump() const {
  std::string payload;
  RdbWriter writer(payload);
  for (const auto& [name, library] : current_.All()) {
    payload.push_back(static_cast<char>(kLibraryOpcode));
    writer.String(library->code);
  }
  writer.LittleEndian(kRdbVersionRedis70, 2);
  writer.LittleEndian(protocol::Crc64(payload), 8);
  return payload;
}

tl::expected<void, std::string> FunctionLibraries::Restore(std::string_view payload,
                                                           FunctionRestore policy) {
  if (!IsDumpIntact(payload)) {
    return tl::unexpected<std::string>("ERR DUMP payload version or checksum are wrong");
  }
  LibrarySet restored;
  RdbReader reader(payload.substr(0, payload.size() - kFooterBytes));
  while (!reader.AtEnd()) {
    const std::uint8_t opcode = reader.Byte();
    if (opcode != kLibraryOpcode && opcode != kOldLibraryOpcode) {
      return tl::unexpected<std::string>("ERR given type is not a function");
    }
    std::string code;
    if (opcode == kOldLibraryOpcode) {
      code = ReadOldLibrary(reader);
    } else {
      reader.String(code);
    }
    if (!reader.Ok()) return tl::unexpected<std::string>("ERR Failed loading library payload");
    if (auto loaded = LoadInto(restored, code, false); !loaded) {
      return tl::unexpected(loaded.error());
    }
  }
  if (policy == FunctionRestore::kFlush) {
    current_ = std::move(restored);
    return {};
  }
  return current_.Join(std::move(restored), policy == FunctionRestore::kReplace);
}

void FunctionLibraries::AddFacts(ScriptFacts& facts) const {
  constexpr std::size_t kBytesBeside = 4 * sizeof(void*);  // of a node of a map
  facts.function_vm_bytes = state_->Bytes();
  facts.libraries = current_.All().size();
  facts.functions = current_.FunctionCount();
  for (const auto& [name, library] : current_.All()) {
    facts.function_bytes += sizeof(FunctionLibrary) + kBytesBeside + library->code.size();
    facts.function_bytes += library->functions.size() * 2 * (sizeof(ScriptFunction) + kBytesBeside);
  }
}

}  // namespace slotway::storage
