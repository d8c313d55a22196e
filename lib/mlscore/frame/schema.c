/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a column by name. */

#include <string.h>

#include "mlscore/frame.h"

int mlscore_schema_find(const mlscore_schema *schema, const char *name,
                        size_t length)
{
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const mlscore_field *field = &schema->fields[i];
        if (field->name_length == length &&
            memcmp(field->name, name, length) == 0) {
            return (int)i;
        }
    }
    return -1;
}
