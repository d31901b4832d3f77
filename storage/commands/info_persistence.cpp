// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/info_persistence.h"

#include "storage/commands/server_state.h"

namespace slotway::storage {
namespace {

std::int64_t SecondsSince(const ServerState& server, bool is_at_work, std::int64_t start_s) {
  return is_at_work ? server.now_ms / 1000 - start_s : -1;
}

double ShareInPercent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

void AddSaving(InfoText& text, const ServerState& server) {
  const SavingFacts& saving = server.persistence.saving;
  // Nothing is forked, so no page is copied for a child.
  text.Field("current_cow_peak", 0);
  text.Field("current_cow_size", 0);
  text.Field("current_cow_size_age", 0);
  text.Decimal("current_fork_perc", ShareInPercent(saving.keys_written, saving.keys_in_all));
  text.Field("current_save_keys_processed", saving.keys_written);
  text.Field("current_save_keys_total", saving.keys_in_all);
  text.Field("rdb_changes_since_last_save", server.changes_since_save);
  text.Field("rdb_bgsave_in_progress", saving.is_saving || server.replication.has_snapshot ? 1 : 0);
  text.Field("rdb_last_save_time", saving.last_save_time_s);
  text.Field("rdb_last_bgsave_status", saving.has_failed ? "err" : "ok");
  text.Field("rdb_last_bgsave_time_sec", saving.last_duration_s);
  text.Field("rdb_current_bgsave_time_sec",
             SecondsSince(server, saving.is_saving, saving.start_time_s));
  text.Field("rdb_saves", saving.saves);
  text.Field("rdb_last_cow_size", 0);
  text.Field("rdb_last_load_keys_expired", server.persistence.loading.last_keys_expired);
  text.Field("rdb_last_load_keys_loaded", server.persistence.loading.last_keys_loaded);
}

void AddLog(InfoText& text, const ServerState& server) {
  const LogFacts& log = server.persistence.log;
  text.Field("aof_enabled", log.is_on ? 1 : 0);
  text.Field("aof_rewrite_in_progress", log.is_rewriting ? 1 : 0);
  text.Field("aof_rewrite_scheduled", log.is_scheduled ? 1 : 0);
  text.Field("aof_last_rewrite_time_sec", log.last_rewrite_duration_s);
  text.Field("aof_current_rewrite_time_sec",
             SecondsSince(server, log.is_rewriting, log.rewrite_start_s));
  text.Field("aof_last_bgrewrite_status", log.rewrite_has_failed ? "err" : "ok");
  text.Field("aof_rewrites", log.rewrites);
  text.Field("aof_rewrites_consecutive_failures", log.failures_in_a_row);
  text.Field("aof_last_write_status", log.write_error.empty() ? "ok" : "err");
  text.Field("aof_last_cow_size", 0);
  text.Field("module_fork_in_progress", 0);
  text.Field("module_fork_last_cow_size", 0);
  if (!log.is_on) return;
  text.Field("aof_current_size", log.bytes);
  text.Field("aof_base_size", log.bytes_at_rewrite);
  text.Field("aof_pending_rewrite", 0);
  text.Field("aof_buffer_length", log.buffered_bytes);
  text.Field("aof_pending_bio_fsync", log.is_syncing ? 1 : 0);
  text.Field("aof_delayed_fsync", log.delayed_syncs);
}

void AddLoading(InfoText& text, const ServerState& server) {
  const LoadingFacts& loading = server.persistence.loading;
  const std::int64_t elapsed_s = server.now_ms / 1000 - loading.start_time_s;
  // Until something was loaded, the time that is left is not known: one second.
  std::uint64_t left_s = 1;
  if (loading.loaded_bytes > 0 && loading.total_bytes >= loading.loaded_bytes) {
    left_s = static_cast<std::uint64_t>(elapsed_s) * (loading.total_bytes - loading.loaded_bytes) /
             loading.loaded_bytes;
  }
  text.Field("loading_start_time", loading.start_time_s);
  text.Field("loading_total_bytes", loading.total_bytes);
  text.Field("loading_rdb_used_mem", loading.start_used_bytes);
  text.Field("loading_loaded_bytes", loading.loaded_bytes);
  text.Decimal("loading_loaded_perc", ShareInPercent(loading.loaded_bytes, loading.total_bytes));
  text.Field("loading_eta_seconds", left_s);
}

}  // namespace

void AddPersistenceInfo(InfoText& text, ServerState& server) {
  text.Section("Persistence");
  text.Field("loading", server.persistence.loading.is_loading ? 1 : 0);
  text.Field("async_loading", server.persistence.loading.is_async ? 1 : 0);
  AddSaving(text, server);
  AddLog(text, server);
  if (server.persistence.loading.IsOn()) AddLoading(text, server);
}

}  // namespace slotway::storage
