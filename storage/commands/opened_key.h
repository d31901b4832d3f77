// SPDX-License-Identifier: Apache-2.0
// A key of one type as commands need it: opened, made when absent, removed when emptied.
//
// `Handle` is HashHandle, ListHandle and their like.
#pragma once

#include <cstddef>
#include <optional>

#include "storage/commands/command_context.h"

namespace slotway::storage {

template <class Handle>
struct OpenedKey {
  std::optional<Handle> handle;  // none when the key is absent or holds another type
  bool is_wrong_type = false;    // WRONGTYPE has been answered
};

template <class Handle>
OpenedKey<Handle> OpenEntry(CommandContext& ctx, const Entry& entry) {
  OpenedKey<Handle> opened;
  opened.is_wrong_type = !ctx.CheckType(entry, Handle::kType);
  if (entry && !opened.is_wrong_type) opened.handle.emplace(ctx.db, entry);
  return opened;
}

// The key in args[index].
template <class Handle>
OpenedKey<Handle> OpenToRead(CommandContext& ctx, std::size_t index = 1) {
  return OpenEntry<Handle>(ctx, ctx.FindToRead(ctx.Key(index)));
}
template <class Handle>
OpenedKey<Handle> OpenToWrite(CommandContext& ctx, std::size_t index = 1) {
  return OpenEntry<Handle>(ctx, ctx.FindToWrite(ctx.Key(index)));
}

// The handle of a key that was opened to be written; a new one if it was absent.
template <class Handle>
Handle HandleOrNew(CommandContext& ctx, const OpenedKey<Handle>& opened, const KeyRef& key) {
  return opened.handle ? *opened.handle : Handle::Create(ctx.db, key, ctx.now_ms);
}

// To be called after elements were removed: drops the key with its last one.
template <class Handle>
bool DeleteIfEmpty(CommandContext& ctx, const Handle& handle, const KeyRef& key) {
  if (handle.Size() > 0) return false;
  ctx.db.Delete(handle.entry());
  ctx.KeyChanged(key, config::kNotifyGeneric, "del");
  return true;
}

}  // namespace slotway::storage
