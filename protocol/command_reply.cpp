// SPDX-License-Identifier: Apache-2.0
#include "protocol/command_reply.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "protocol/command_table.h"
#include "protocol/error_text.h"
#include "protocol/glob.h"
#include "protocol/key_extraction.h"

namespace slotway::protocol {
namespace {

using Args = std::span<const std::string_view>;
using Writer = RespWriter<StringSink>;

constexpr std::string_view kInvalidCommand = "ERR Invalid command specified";
constexpr std::string_view kNoKeyArguments = "ERR The command has no key arguments";
constexpr std::string_view kInvalidArity = "ERR Invalid number of arguments specified for command";

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool EqualsNoCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::ranges::equal(a, b, {}, ToLower, ToLower);
}

// A set of the names of the flags that are set, in the order of their bits.
template <class Flag, class Name>
void WriteFlags(Writer& writer, FlagSet<Flag> flags, std::string_view prefix, Name name) {
  writer.Set(static_cast<std::size_t>(std::popcount(flags.bits)));
  for (std::uint32_t rest = flags.bits; rest != 0; rest &= rest - 1) {
    auto flag = static_cast<Flag>(rest & ~(rest - 1));
    writer.SimpleString(std::string(prefix).append(name(flag)));
  }
}

void WriteField(Writer& writer, std::string_view name, std::int64_t value) {
  writer.Bulk(name);
  writer.Integer(value);
}

void WriteField(Writer& writer, std::string_view name, std::string_view value) {
  writer.Bulk(name);
  writer.Bulk(value);
}

// "type" and the start of "spec", whose `field_count` fields follow.
void WriteSearchHead(Writer& writer, std::string_view name, std::string_view type,
                     std::size_t field_count) {
  writer.Bulk(name);
  writer.Map(2);
  WriteField(writer, "type", type);
  writer.Bulk("spec");
  writer.Map(field_count);
}

void WriteBeginSearch(Writer& writer, const KeySpec& spec) {
  switch (spec.begin) {
    case KeySpec::Begin::kUnknown:
      WriteSearchHead(writer, "begin_search", "unknown", 0);
      break;
    case KeySpec::Begin::kIndex:
      WriteSearchHead(writer, "begin_search", "index", 1);
      WriteField(writer, "index", spec.index);
      break;
    case KeySpec::Begin::kKeyword:
      WriteSearchHead(writer, "begin_search", "keyword", 2);
      WriteField(writer, "keyword", spec.keyword);
      WriteField(writer, "startfrom", spec.start_from);
      break;
  }
}

void WriteFindKeys(Writer& writer, const KeySpec& spec) {
  switch (spec.find) {
    case KeySpec::Find::kUnknown:
      WriteSearchHead(writer, "find_keys", "unknown", 0);
      break;
    case KeySpec::Find::kRange:
      WriteSearchHead(writer, "find_keys", "range", 3);
      WriteField(writer, "lastkey", spec.last_key);
      WriteField(writer, "keystep", spec.key_step);
      WriteField(writer, "limit", spec.limit);
      break;
    case KeySpec::Find::kKeynum:
      WriteSearchHead(writer, "find_keys", "keynum", 3);
      WriteField(writer, "keynumidx", spec.keynum_index);
      WriteField(writer, "firstkey", spec.first_key);
      WriteField(writer, "keystep", spec.key_step);
      break;
  }
}

void WriteKeySpec(Writer& writer, const KeySpec& spec) {
  writer.Map(spec.notes.empty() ? 3 : 4);
  if (!spec.notes.empty()) WriteField(writer, "notes", spec.notes);
  writer.Bulk("flags");
  WriteFlags(writer, spec.flags, "", KeyFlagName);
  WriteBeginSearch(writer, spec);
  WriteFindKeys(writer, spec);
}

void WriteTips(Writer& writer, const CommandSpec& spec) {
  std::vector<std::string> tips(spec.other_tips.begin(), spec.other_tips.end());
  if (spec.request_policy != RequestPolicy::kDefault) {
    tips.push_back(std::string("request_policy:").append(RequestPolicyName(spec.request_policy)));
  }
  if (spec.response_policy != ResponsePolicy::kDefault) {
    tips.push_back(
        std::string("response_policy:").append(ResponsePolicyName(spec.response_policy)));
  }
  writer.Set(tips.size());
  for (const std::string& tip : tips) writer.Bulk(tip);
}

void WriteInfo(Writer& writer, const CommandSpec* spec) {
  if (spec == nullptr) {
    writer.Null();
    return;
  }
  writer.Array(10);
  writer.Bulk(spec->name);
  writer.Integer(spec->arity);
  WriteFlags(writer, spec->flags, "", CommandFlagName);
  writer.Integer(spec->first_key);
  writer.Integer(spec->last_key);
  writer.Integer(spec->key_step);
  WriteFlags(writer, spec->categories, "@", AclCategoryName);
  WriteTips(writer, *spec);
  writer.Set(spec->key_specs.size());
  for (const KeySpec& key_spec : spec->key_specs) WriteKeySpec(writer, key_spec);
  if (spec->subcommands.empty()) {
    writer.Set(0);  // a set when empty, else an array: so Redis answers
    return;
  }
  writer.Array(spec->subcommands.size());
  for (const CommandSpec& subcommand : spec->subcommands) WriteInfo(writer, &subcommand);
}

void WriteDocs(Writer& writer, const CommandSpec& spec) {
  writer.Bulk(spec.name);
  writer.Map(spec.subcommands.empty() ? 3 : 4);
  WriteField(writer, "summary", spec.summary);
  WriteField(writer, "since", spec.since);
  WriteField(writer, "group", spec.group);
  if (spec.subcommands.empty()) return;
  writer.Bulk("subcommands");
  writer.Map(spec.subcommands.size());
  for (const CommandSpec& subcommand : spec.subcommands) WriteDocs(writer, subcommand);
}

// All commands without their subcommands, the learned ones behind the table's.
std::vector<const CommandSpec*> AllCommands(const LearnedCommands* learned) {
  std::vector<const CommandSpec*> all(TopLevelCommands().begin(), TopLevelCommands().end());
  if (learned != nullptr) {
    all.insert(all.end(), learned->TopLevel().begin(), learned->TopLevel().end());
  }
  return all;
}

const CommandSpec* FindByFullName(std::string_view full_name, const LearnedCommands* learned) {
  const CommandSpec* spec = FindCommandByFullName(full_name);
  return spec != nullptr || learned == nullptr ? spec : learned->Find(full_name);
}

// What COMMAND LIST lists, subcommands too. False if the filter cannot be read.
bool SelectForList(Args args, const LearnedCommands* learned,
                   std::vector<std::string_view>& names) {
  bool is_filtered = args.size() > 2;
  if (is_filtered && (args.size() != 5 || !EqualsNoCase(args[2], "filterby"))) return false;
  bool by_category = is_filtered && EqualsNoCase(args[3], "aclcat");
  bool by_pattern = is_filtered && EqualsNoCase(args[3], "pattern");
  if (is_filtered && !by_category && !by_pattern) {
    return EqualsNoCase(args[3], "module");  // which module a learned command is of is not known
  }
  std::uint32_t category = by_category ? AclCategoryByName(args[4]).bits : 0;
  auto select = [&](const CommandSpec& spec) {
    if (by_category && (spec.categories.bits & category) == 0) return;
    if (by_pattern && !GlobMatchesNoCase(args[4], spec.name)) return;
    names.push_back(spec.name);
  };
  for (const CommandSpec* spec : AllCommands(learned)) {
    select(*spec);
    for (const CommandSpec& subcommand : spec->subcommands) select(subcommand);
  }
  return true;
}

// Finds the keys of the request behind "COMMAND GETKEYS"; on failure writes the error.
// Redis looks for one key at least where a key spec takes all that follow, also if the command does
// with none there: PFMERGE with a destination alone.
bool LacksKeysOfSpec(const CommandSpec& spec, std::size_t argc) {
  return std::ranges::any_of(spec.key_specs, [argc](const KeySpec& keys) {
    return keys.begin == KeySpec::Begin::kIndex && keys.find == KeySpec::Find::kRange &&
           keys.last_key < 0 && static_cast<std::size_t>(keys.index) == argc;
  });
}

bool KeysOfInnerRequest(Writer& writer, Args inner, const LearnedCommands* learned,
                        std::vector<KeyPosition>& keys) {
  const CommandSpec* spec = FindCommand(inner);
  if (spec == nullptr && learned != nullptr) spec = learned->Find(inner);
  bool is_unknown_subcommand =
      spec != nullptr && !spec->subcommands.empty() && inner.size() > 1;
  if (spec == nullptr || is_unknown_subcommand) {
    writer.Error(kInvalidCommand);
    return false;
  }
  bool has_keys = std::ranges::any_of(
      spec->key_specs, [](const KeySpec& keys_at) { return !keys_at.flags.Has(KeyFlag::kNotKey); });
  if (!has_keys) {
    writer.Error(kNoKeyArguments);
    return false;
  }
  if (!spec->ArityFits(inner.size())) {
    writer.Error(kInvalidArity);
    return false;
  }
  if (ExtractKeys(*spec, inner, keys) != KeyExtractionError::kNone ||
      LacksKeysOfSpec(*spec, inner.size())) {
    writer.Error(error_text::kInvalidKeys);
    return false;
  }
  return true;
}

}  // namespace

void AppendCommandAll(Args, RespVersion version, std::string& out,
                      const LearnedCommands* learned) {
  std::vector<const CommandSpec*> all = AllCommands(learned);
  StringSink sink{out};
  Writer writer(sink, version);
  writer.Array(all.size());
  for (const CommandSpec* spec : all) WriteInfo(writer, spec);
}

void AppendCommandCount(Args, RespVersion version, std::string& out,
                        const LearnedCommands* learned) {
  StringSink sink{out};
  Writer(sink, version).Integer(static_cast<std::int64_t>(AllCommands(learned).size()));
}

void AppendCommandInfo(Args args, RespVersion version, std::string& out,
                       const LearnedCommands* learned) {
  if (args.size() == 2) {
    AppendCommandAll(args, version, out, learned);
    return;
  }
  StringSink sink{out};
  Writer writer(sink, version);
  writer.Array(args.size() - 2);
  for (std::string_view name : args.subspan(2)) WriteInfo(writer, FindByFullName(name, learned));
}

void AppendCommandDocs(Args args, RespVersion version, std::string& out, const LearnedCommands*) {
  std::vector<const CommandSpec*> found;
  if (args.size() == 2) {
    found.assign(TopLevelCommands().begin(), TopLevelCommands().end());
  }
  for (std::string_view name : args.subspan(2)) {
    if (const CommandSpec* spec = FindCommandByFullName(name)) found.push_back(spec);
  }
  StringSink sink{out};
  Writer writer(sink, version);
  writer.Map(found.size());
  for (const CommandSpec* spec : found) WriteDocs(writer, *spec);
}

void AppendCommandList(Args args, RespVersion version, std::string& out,
                       const LearnedCommands* learned) {
  StringSink sink{out};
  Writer writer(sink, version);
  std::vector<std::string_view> names;
  if (!SelectForList(args, learned, names)) {
    writer.Error(error_text::kSyntax);
    return;
  }
  writer.Array(names.size());
  for (std::string_view name : names) writer.Bulk(name);
}

void AppendCommandGetKeys(Args args, RespVersion version, std::string& out,
                          const LearnedCommands* learned) {
  StringSink sink{out};
  Writer writer(sink, version);
  Args inner = args.subspan(2);
  std::vector<KeyPosition> keys;
  if (!KeysOfInnerRequest(writer, inner, learned, keys)) return;
  writer.Array(keys.size());
  for (const KeyPosition& key : keys) writer.Bulk(inner[key.index]);
}

void AppendCommandGetKeysAndFlags(Args args, RespVersion version, std::string& out,
                                  const LearnedCommands* learned) {
  StringSink sink{out};
  Writer writer(sink, version);
  Args inner = args.subspan(2);
  std::vector<KeyPosition> keys;
  if (!KeysOfInnerRequest(writer, inner, learned, keys)) return;
  writer.Array(keys.size());
  for (const KeyPosition& key : keys) {
    writer.Array(2);
    writer.Bulk(inner[key.index]);
    WriteFlags(writer, key.flags, "", KeyFlagName);
  }
}

void AppendCommandHelp(Args, RespVersion version, std::string& out, const LearnedCommands*) {
  static constexpr std::string_view kLines[] = {
      "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "(no subcommand)",
      "    Everything the command table knows of all commands.",
      "COUNT",
      "    How many commands there are.",
      "LIST [FILTERBY MODULE <name>|ACLCAT <category>|PATTERN <glob>]",
      "    The names of all commands, or of those that fit the filter.",
      "INFO [<command-name> ...]",
      "    What the table knows of the named commands, or of all.",
      "DOCS [<command-name> ...]",
      "    A short description of the named commands, or of all.",
      "GETKEYS <full-command>",
      "    Which arguments of the command are keys.",
      "GETKEYSANDFLAGS <full-command>",
      "    The same, with what happens to each key.",
      "HELP",
      "    This text.",
  };
  StringSink sink{out};
  Writer writer(sink, version);
  writer.Array(std::size(kLines));
  for (std::string_view line : kLines) writer.SimpleString(line);
}

void AppendCommandReply(Args args, RespVersion version, std::string& out,
                        const LearnedCommands* learned) {
  struct Handler {
    const CommandSpec* row;
    void (*append)(Args, RespVersion, std::string&, const LearnedCommands*);
  };
  static const Handler kHandlers[] = {
      {FindCommandByFullName("command"), AppendCommandAll},
      {FindCommandByFullName("command|count"), AppendCommandCount},
      {FindCommandByFullName("command|docs"), AppendCommandDocs},
      {FindCommandByFullName("command|getkeys"), AppendCommandGetKeys},
      {FindCommandByFullName("command|getkeysandflags"), AppendCommandGetKeysAndFlags},
      {FindCommandByFullName("command|help"), AppendCommandHelp},
      {FindCommandByFullName("command|info"), AppendCommandInfo},
      {FindCommandByFullName("command|list"), AppendCommandList},
  };
  StringSink sink{out};
  const CommandSpec* row = FindCommand(args);
  const Handler* handler =
      std::ranges::find(kHandlers, row, [](const Handler& candidate) { return candidate.row; });
  if (handler == std::end(kHandlers) || (handler->append == AppendCommandAll && args.size() > 1)) {
    Writer(sink, version)
        .Error(error_text::UnknownSubcommand("command", args.size() > 1 ? args[1] : ""));
  } else if (!row->ArityFits(args.size())) {
    Writer(sink, version).Error(error_text::WrongArity(row->name));
  } else {
    handler->append(args, version, out, learned);
  }
}

}  // namespace slotway::protocol
