/**
 * What check hooks of the server make of a number within the limits of pg_settings: another number, or a complaint.
 * Only those that look at nothing but the value; the rest (max_stack_depth against the kernel's limit, DateStyle,
 * synchronous_standby_names) only a server can ask. Settings that count in 8kB or kB: values are in base units.
 */
type CheckHook = (value: number) => number | { readonly complaint: string };

/** check_slru_buffers in src/backend/access/transam/slru.c */
const slruBuffers: CheckHook = (value) =>
  value % 16 === 0 ? value : { complaint: "is no multiple of 128kB" };

export const checkHooks: Readonly<Record<string, CheckHook>> = {
  commit_timestamp_buffers: slruBuffers,
  multixact_member_buffers: slruBuffers,
  multixact_offset_buffers: slruBuffers,
  notify_buffers: slruBuffers,
  serializable_buffers: slruBuffers,
  subtransaction_buffers: slruBuffers,
  transaction_buffers: slruBuffers,
  /** check_vacuum_buffer_usage_limit in src/backend/commands/vacuum.c */
  vacuum_buffer_usage_limit: (value) =>
    value === 0 || value >= 128 ? value : { complaint: "is not 0 or 128kB to 16GB" },
  /** check_wal_buffers in src/backend/access/transam/xlog.c: no fewer than four pages, or -1 to choose by itself. */
  wal_buffers: (value) => (value === -1 ? value : Math.max(4, value)),
};
