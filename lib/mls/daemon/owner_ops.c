/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation of the registry's socket, one line each. */

#include "daemon/owner_private.h"

#include <string.h>

static const mls_op ops[] = {
    /* name, kind, flags, run, finish, undo */
    { "hello", MLS_OP_READ, 0, mls_op_hello, NULL, NULL },
    { "status", MLS_OP_READ, 0, mls_op_status, NULL, NULL },

    { "service.get", MLS_OP_READ, 0, mls_op_service_get, NULL, NULL },
    { "service.list", MLS_OP_READ, 0, mls_op_service_list, NULL, NULL },
    { "service.create", MLS_OP_WRITE, MLS_OP_GROWS | MLS_OP_NEW_VERSION,
      mls_op_service_create, NULL, mls_op_service_undo },
    { "service.update", MLS_OP_WRITE, MLS_OP_GROWS, mls_op_service_update,
      NULL, mls_op_service_undo },
    { "service.delete", MLS_OP_WRITE, 0, mls_op_service_delete, NULL,
      mls_op_service_undo },
    { "service.image", MLS_OP_WRITE, MLS_OP_ADMIN, mls_op_service_image, NULL,
      mls_op_service_undo },

    { "snapshot.put", MLS_OP_WRITE, MLS_OP_GROWS, mls_op_snapshot_put, NULL,
      NULL },
    { "snapshot.list", MLS_OP_READ, 0, mls_op_snapshot_list, NULL, NULL },
    { "snapshot.delete", MLS_OP_WRITE, 0, mls_op_snapshot_delete, NULL,
      NULL },

    { "blob.list", MLS_OP_READ, 0, mls_op_blob_list, NULL, NULL },
    { "usage", MLS_OP_READ, 0, mls_op_usage, NULL, NULL },

    { "token.issue", MLS_OP_WRITE, 0, mls_op_token_issue, mls_token_sign,
      NULL },
    { "token.refresh", MLS_OP_WRITE, 0, mls_op_token_refresh, mls_token_sign,
      NULL },
    { "token.revoke", MLS_OP_WRITE, MLS_OP_NEW_REVOCATION,
      mls_op_token_revoke, NULL, NULL },
    { "token.revoke_family", MLS_OP_WRITE, MLS_OP_NEW_REVOCATION,
      mls_op_token_revoke_family, NULL, NULL },
    { "token.list", MLS_OP_READ, 0, mls_op_token_list, NULL, NULL },
    { "subject.revoke", MLS_OP_WRITE, MLS_OP_NEW_REVOCATION,
      mls_op_subject_revoke, NULL, NULL },

    { "token.control", MLS_OP_WRITE, MLS_OP_ADMIN, mls_op_token_control,
      NULL, NULL },

    { "roles.get", MLS_OP_READ, 0, mls_op_roles_get, NULL, NULL },
    { "roles.set", MLS_OP_WRITE, MLS_OP_GROWS, mls_op_roles_set,
      mls_roles_publish, NULL },
    { "roles.flush", MLS_OP_WRITE, 0, mls_op_roles_flush, mls_roles_publish,
      NULL },

    { "audit.add", MLS_OP_READ, 0, mls_op_audit_add, NULL, NULL },
    { "audit.flush", MLS_OP_WRITE, MLS_OP_GROWS, mls_op_audit_flush,
      mls_audit_flushed, NULL },
    { "audit.search", MLS_OP_READ, 0, mls_op_audit_search, NULL, NULL },

    { "keys.rotate", MLS_OP_WRITE, MLS_OP_ADMIN, mls_op_keys_rotate, NULL,
      NULL },
    { "keys.import", MLS_OP_WRITE, MLS_OP_ADMIN, mls_op_keys_import, NULL,
      NULL },
    { "keys.trust", MLS_OP_WRITE, MLS_OP_ADMIN, mls_op_keys_trust, NULL,
      NULL },
    { "backup", MLS_OP_SLOW, MLS_OP_ADMIN, mls_op_backup, NULL, NULL },
    { "verify", MLS_OP_WRITE, MLS_OP_ADMIN, mls_op_verify, NULL, NULL },
    { "sweep", MLS_OP_WRITE, MLS_OP_INTERNAL, mls_op_sweep, NULL, NULL },
};

const mls_op *mls_op_find(const char *name)
{
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        if (!strcmp(ops[i].name, name)) {
            return &ops[i];
        }
    }
    return NULL;
}
