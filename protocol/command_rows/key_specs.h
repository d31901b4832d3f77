// SPDX-License-Identifier: Apache-2.0
// Key specs that several rows share, named by what happens to the keys and where they stand.
//
//   Read    value returned or used        Inspect   only metadata: existence, type, length
//   Update  existing content changed      ReadUpdate  changed and returned
//   Insert  elements added                Delete    elements removed
//   Take    elements removed and returned Overwrite replaced, whatever it was
//
// One...Key is argument 1, One...KeyAt2 argument 2, All... every argument from there on,
// Counted... as many as a number in front of them says. Specs of a single row stand beside it.
#pragma once

#include "protocol/command.h"

namespace slotway::protocol::command_rows {

inline constexpr auto kRead = KeyFlag::kReadOnly | KeyFlag::kAccess;
inline constexpr FlagSet<KeyFlag> kInspect = KeyFlag::kReadOnly;
inline constexpr auto kUpdate = KeyFlag::kReadWrite | KeyFlag::kUpdate;
inline constexpr auto kReadUpdate = KeyFlag::kReadWrite | KeyFlag::kAccess | KeyFlag::kUpdate;
inline constexpr auto kInsert = KeyFlag::kReadWrite | KeyFlag::kInsert;
inline constexpr auto kDelete = KeyFlag::kReadWrite | KeyFlag::kDelete;
inline constexpr auto kTake = KeyFlag::kReadWrite | KeyFlag::kAccess | KeyFlag::kDelete;
inline constexpr auto kOverwrite = KeyFlag::kOverwrite | KeyFlag::kUpdate;
inline constexpr auto kRemove = KeyFlag::kRemove | KeyFlag::kDelete;

// Keys from argument `index` to `last`, relative to the first or, if negative, to the end.
constexpr KeySpec KeysAt(std::int16_t index, FlagSet<KeyFlag> flags, std::int16_t last = 0,
                         std::int16_t step = 1) {
  return {.flags = flags,
          .begin = KeySpec::Begin::kIndex,
          .index = index,
          .find = KeySpec::Find::kRange,
          .last_key = last,
          .key_step = step};
}

// As many keys as argument `index` says, right behind it.
constexpr KeySpec CountedKeysAt(std::int16_t index, FlagSet<KeyFlag> flags) {
  return {.flags = flags,
          .begin = KeySpec::Begin::kIndex,
          .index = index,
          .find = KeySpec::Find::kKeynum,
          .first_key = 1};
}

// Keys behind a keyword, which is looked for from argument `start_from` on; negative: backwards
// from the end.
constexpr KeySpec KeysBehind(std::string_view keyword, std::int16_t start_from,
                             FlagSet<KeyFlag> flags, std::int16_t last = 0,
                             std::int16_t limit = 0) {
  return {.flags = flags,
          .begin = KeySpec::Begin::kKeyword,
          .keyword = keyword,
          .start_from = start_from,
          .find = KeySpec::Find::kRange,
          .last_key = last,
          .limit = limit};
}

constexpr KeySpec WithNotes(KeySpec spec, std::string_view notes) {
  spec.notes = notes;
  return spec;
}

inline constexpr KeySpec kOneReadKey[] = {KeysAt(1, kRead)};
inline constexpr KeySpec kOneInspectKey[] = {KeysAt(1, kInspect)};
inline constexpr KeySpec kOneUpdateKey[] = {KeysAt(1, kUpdate)};
inline constexpr KeySpec kOneReadUpdateKey[] = {KeysAt(1, kReadUpdate)};
inline constexpr KeySpec kOneInsertKey[] = {KeysAt(1, kInsert)};
inline constexpr KeySpec kOneDeleteKey[] = {KeysAt(1, kDelete)};
inline constexpr KeySpec kOneTakeKey[] = {KeysAt(1, kTake)};
inline constexpr KeySpec kOneOverwriteKey[] = {KeysAt(1, kOverwrite)};

inline constexpr KeySpec kOneReadKeyAt2[] = {KeysAt(2, kRead)};
inline constexpr KeySpec kOneInspectKeyAt2[] = {KeysAt(2, kInspect)};
inline constexpr KeySpec kOneUpdateKeyAt2[] = {KeysAt(2, kUpdate)};
inline constexpr KeySpec kOneInsertKeyAt2[] = {KeysAt(2, kInsert)};
inline constexpr KeySpec kOneDeleteKeyAt2[] = {KeysAt(2, kDelete)};

inline constexpr KeySpec kAllReadKeys[] = {KeysAt(1, kRead, -1)};
inline constexpr KeySpec kAllInspectKeys[] = {KeysAt(1, kInspect, -1)};
inline constexpr KeySpec kAllRemoveKeys[] = {KeysAt(1, kRemove, -1)};
inline constexpr KeySpec kAllTakeKeysButTimeout[] = {KeysAt(1, kTake, -2)};

inline constexpr KeySpec kCountedReadKeys[] = {CountedKeysAt(1, kRead)};
inline constexpr KeySpec kCountedTakeKeys[] = {CountedKeysAt(1, kTake)};
inline constexpr KeySpec kCountedTakeKeysAt2[] = {CountedKeysAt(2, kTake)};

inline constexpr KeySpec kTakeThenInsertKey[] = {KeysAt(1, kTake), KeysAt(2, kInsert)};
inline constexpr KeySpec kOverwriteThenReadKey[] = {KeysAt(1, kOverwrite), KeysAt(2, kRead)};
inline constexpr KeySpec kOverwriteThenAllReadKeys[] = {KeysAt(1, kOverwrite),
                                                        KeysAt(2, kRead, -1)};
inline constexpr KeySpec kOverwriteThenCountedReadKeys[] = {KeysAt(1, kOverwrite),
                                                            CountedKeysAt(2, kRead)};

}  // namespace slotway::protocol::command_rows
