/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a PMML document: a streaming XML reader fills a compact tree of
 * elements.
 *
 * The bytes are hostile. Document type declarations, and with them every
 * entity but the five of XML, are refused; nothing is fetched; depth and the
 * number of elements are limited; an element, an attribute or a text that PMML
 * does not have where it stands is refused with its line.
 */

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libxml/xmlreader.h>

#include "base/alloc.h"
#include "import/pmml/pmml_import.h"

/** Pieces of one element's text are gathered here until it ends. */
typedef struct text_buffer {
    char *bytes;
    size_t length;
    size_t capacity;
} text_buffer;

/** Open elements, outermost first, and where their next child goes. */
typedef struct frame {
    pmml_element *element;
    pmml_element **tail;
} frame;

typedef struct xml_state {
    pmml_import *in;
    xmlTextReaderPtr reader;
    frame *stack;
    unsigned depth;
    text_buffer text;
    char message[256]; /* the parser's first complaint */
    unsigned long line;
    /* kinds by the reader's interned names */
    const xmlChar *names[512];
    pmml_element_kind kinds[512];
} xml_state;

_Noreturn void mlscore_pmml_no_memory(pmml_import *in)
{
    in->status = mlscore_error_set(in->err, MLSCORE_ENOMEM,
                                   "out of memory while reading PMML");
    longjmp(in->out, 1);
}

_Noreturn void mlscore_pmml_fail(pmml_import *in, mlscore_status status,
                                 const pmml_element *element,
                                 const char *format, ...)
{
    const unsigned long line = element ? element->line : 0;
    char message[400];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    in->status = mlscore_error_at(in->err, status, 0, line, "PMML: %s",
                                  message);
    longjmp(in->out, 1);
}

static _Noreturn void fail_here(xml_state *state, mlscore_status status,
                                const char *text, const char *name)
{
    const pmml_element here = {
        .line = (uint32_t)xmlTextReaderGetParserLineNumber(state->reader)};

    mlscore_pmml_fail(state->in, status, &here, text, name);
}

/** Keeps the first complaint; later ones are its consequences. */
static void on_error(void *arg, const xmlError *error)
{
    xml_state *state = arg;

    if (state->message[0] != '\0' || error->level < XML_ERR_ERROR) {
        return;
    }
    snprintf(state->message, sizeof(state->message), "%s",
             error->message ? error->message : "not well-formed");
    state->message[strcspn(state->message, "\r\n")] = '\0';
    state->line = (unsigned long)(error->line > 0 ? error->line : 0);
}

static pmml_element_kind kind_of(xml_state *state, const xmlChar *name)
{
    size_t at = ((uintptr_t)name >> 3) % 512;

    for (int probes = 0; probes < 512; probes++, at = (at + 1) % 512) {
        if (state->names[at] == name) {
            return state->kinds[at];
        }
        if (!state->names[at]) {
            state->names[at] = name;
            state->kinds[at] = mlscore_pmml_element_find((const char *)name);
            return state->kinds[at];
        }
    }
    return mlscore_pmml_element_find((const char *)name);
}

/** An attribute that says nothing to a scorer: of another namespace. */
static int ignored_attribute(xml_state *state)
{
    return xmlTextReaderIsNamespaceDecl(state->reader) == 1 ||
           xmlTextReaderConstPrefix(state->reader) != NULL;
}

static void read_attributes(xml_state *state, pmml_element *element)
{
    pmml_import *in = state->in;
    const int count = xmlTextReaderAttributeCount(state->reader);

    if (count <= 0) {
        return;
    }
    pmml_xml_attribute *list =
        mlscore_pmml_alloc(in, (size_t)count, sizeof(*list));
    uint32_t used = 0;

    while (xmlTextReaderMoveToNextAttribute(state->reader) == 1) {
        const char *name =
            (const char *)xmlTextReaderConstLocalName(state->reader);
        const char *value =
            (const char *)xmlTextReaderConstValue(state->reader);

        if (!name || !value) {
            mlscore_pmml_no_memory(in);
        }
        if (ignored_attribute(state)) {
            continue;
        }
        if (!mlscore_pmml_attribute_allowed(element->kind, name)) {
            mlscore_pmml_fail(in, MLSCORE_EUNSUPPORTED, element,
                              "%s has an attribute \"%.60s\" that is not "
                              "understood",
                              mlscore_pmml_element_name(element->kind), name);
        }
        list[used].name = mlscore_arena_copy(in->arena, name, strlen(name));
        list[used].value =
            mlscore_arena_copy(in->arena, value, strlen(value));
        if (!list[used].name || !list[used].value) {
            mlscore_pmml_no_memory(in);
        }
        used++;
    }
    xmlTextReaderMoveToElement(state->reader);
    element->attributes = list;
    element->attribute_count = used;
}

/** The kind of the element that begins, allowed where it stands. */
static pmml_element_kind element_kind(xml_state *state)
{
    const frame *parent =
        state->depth > 0 ? &state->stack[state->depth - 1] : NULL;

    if (parent && mlscore_pmml_element_in(parent->element->kind, 'A')) {
        return PMML_E_CELL;
    }
    const xmlChar *name = xmlTextReaderConstLocalName(state->reader);

    if (!name) {
        mlscore_pmml_no_memory(state->in);
    }
    const pmml_element_kind kind = kind_of(state, name);

    if (kind == PMML_E_COUNT) {
        fail_here(state, MLSCORE_EUNSUPPORTED,
                  "the element %.80s is not understood", (const char *)name);
    }
    if (!parent && kind != PMML_E_PMML) {
        fail_here(state, MLSCORE_EFORMAT,
                  "the document element is %.80s, not PMML",
                  (const char *)name);
    }
    if (parent && parent->element->kind == PMML_E_CELL) {
        fail_here(state, MLSCORE_EFORMAT,
                  "the element %.80s stands inside a cell of a table",
                  (const char *)name);
    }
    if (parent && kind != PMML_E_EXTENSION &&
        !mlscore_pmml_child_allowed(parent->element->kind, kind)) {
        char text[100];

        snprintf(text, sizeof(text), "%s does not belong inside %s",
                 mlscore_pmml_element_name(kind),
                 mlscore_pmml_element_name(parent->element->kind));
        fail_here(state, MLSCORE_EFORMAT, "%s", text);
    }
    return kind;
}

static void close_element(xml_state *state)
{
    pmml_element *element = state->stack[--state->depth].element;

    if (element->kind == PMML_E_CELL ||
        mlscore_pmml_element_in(element->kind, 'T')) {
        element->text = mlscore_arena_copy(
            state->in->arena, state->text.bytes ? state->text.bytes : "",
            state->text.length);
        if (!element->text) {
            mlscore_pmml_no_memory(state->in);
        }
    }
    state->text.length = 0;
}

/** Returns 1 when the element and all inside it are to be skipped. */
static int open_element(xml_state *state)
{
    pmml_import *in = state->in;
    const pmml_element_kind kind = element_kind(state);
    const int empty = xmlTextReaderIsEmptyElement(state->reader) == 1;

    if (kind == PMML_E_EXTENSION && state->depth > 0 &&
        state->stack[state->depth - 1].element->kind == PMML_E_BAYES_INPUTS) {
        /* Before PMML 4.2, continuous inputs of a NaiveBayesModel stand in
         * an Extension: what is inside counts as if it were not there. */
        return 0;
    }
    if (kind < PMML_E_COUNT && mlscore_pmml_element_in(kind, 'S')) {
        return !empty;
    }
    if (state->depth >= in->max_depth) {
        fail_here(state, MLSCORE_ELIMIT,
                  "%s: elements are nested deeper than the limit",
                  mlscore_pmml_element_name(kind));
    }
    if (++in->nodes > in->max_nodes) {
        fail_here(state, MLSCORE_ELIMIT,
                  "%s: more elements than the limit",
                  mlscore_pmml_element_name(kind));
    }
    pmml_element *element = mlscore_pmml_alloc(in, 1, sizeof(*element));

    element->kind = kind;
    element->line = (uint32_t)xmlTextReaderGetParserLineNumber(state->reader);
    if (kind == PMML_E_CELL) {
        const char *name =
            (const char *)xmlTextReaderConstName(state->reader);

        element->name =
            name ? mlscore_arena_copy(in->arena, name, strlen(name)) : NULL;
        if (!element->name) {
            mlscore_pmml_no_memory(in);
        }
    }
    else {
        read_attributes(state, element);
    }
    if (state->depth > 0) {
        frame *parent = &state->stack[state->depth - 1];

        *parent->tail = element;
        parent->tail = &element->next;
    }
    else {
        in->document = element;
    }
    state->stack[state->depth++] =
        (frame){.element = element, .tail = &element->child};
    state->text.length = 0;
    if (empty) {
        close_element(state);
    }
    return 0;
}

static void add_text(xml_state *state)
{
    if (state->depth == 0) {
        return;
    }
    const pmml_element *element = state->stack[state->depth - 1].element;
    const char *text = (const char *)xmlTextReaderConstValue(state->reader);

    if (!text) {
        return;
    }
    if (element->kind != PMML_E_CELL &&
        !mlscore_pmml_element_in(element->kind, 'T')) {
        if (text[strspn(text, " \t\r\n")] != '\0') {
            mlscore_pmml_fail(state->in, MLSCORE_EFORMAT, element,
                              "%s has text, which it may not",
                              mlscore_pmml_element_name(element->kind));
        }
        return;
    }
    const size_t length = strlen(text);
    text_buffer *buffer = &state->text;

    if (buffer->capacity - buffer->length < length) {
        const size_t wanted = (buffer->length + length) * 2;
        char *bytes = mlscore_realloc(buffer->bytes, wanted);

        if (!bytes) {
            mlscore_pmml_no_memory(state->in);
        }
        buffer->bytes = bytes;
        buffer->capacity = wanted;
    }
    memcpy(buffer->bytes + buffer->length, text, length);
    buffer->length += length;
}

/** An Extension that was not opened, see open_element. */
static int ends_extension(const xml_state *state)
{
    const xmlChar *name = xmlTextReaderConstLocalName(state->reader);

    return name && strcmp((const char *)name, "Extension") == 0 &&
           state->stack[state->depth - 1].element->kind != PMML_E_CELL;
}

/** Move to the next node; 0 at the end or when the XML is not sound. The
 *  reader goes on after some errors, with nodes that were never begun, so that
 *  nothing is read after the first one. */
static int next_node(xml_state *state)
{
    const int more = xmlTextReaderRead(state->reader);

    if (more < 0 && state->message[0] == '\0') {
        snprintf(state->message, sizeof(state->message), "unexpected end");
    }
    return more == 1 && state->message[0] == '\0';
}

static void read_node(xml_state *state)
{
    switch (xmlTextReaderNodeType(state->reader)) {
    case XML_READER_TYPE_ELEMENT:
        if (open_element(state)) {
            /* Skipped elements are still parsed, so that they are XML. */
            const int depth = xmlTextReaderDepth(state->reader);

            while (next_node(state) &&
                   xmlTextReaderDepth(state->reader) > depth) {
            }
        }
        break;
    case XML_READER_TYPE_END_ELEMENT:
        if (state->depth > 0 && !ends_extension(state)) {
            close_element(state);
        }
        break;
    case XML_READER_TYPE_TEXT:
    case XML_READER_TYPE_CDATA:
    case XML_READER_TYPE_SIGNIFICANT_WHITESPACE:
        add_text(state);
        break;
    case XML_READER_TYPE_DOCUMENT_TYPE:
    case XML_READER_TYPE_ENTITY:
    case XML_READER_TYPE_ENTITY_REFERENCE:
        fail_here(state, MLSCORE_EFORMAT, "%s",
                  "DOCTYPE and entities are refused: remove them");
    default:
        break;
    }
}

/** The declaration in any encoding whose ASCII is one or two bytes wide. */
static int has_doctype(const unsigned char *bytes, size_t size)
{
    static const char mark[] = "<!DOCTYPE";
    char wide[sizeof(mark) * 2] = {0};

    for (size_t i = 0; i + 1 < sizeof(mark); i++) {
        wide[2 * i] = mark[i];
    }
    return memmem(bytes, size, mark, sizeof(mark) - 1) != NULL ||
           memmem(bytes, size, wide, 2 * (sizeof(mark) - 1) - 1) != NULL;
}

static void read_all(xml_state *state)
{
    while (next_node(state)) {
        read_node(state);
    }
    if (state->message[0] != '\0') {
        const pmml_element here = {.line = (uint32_t)state->line};

        mlscore_pmml_fail(state->in, MLSCORE_EFORMAT, &here,
                          "not well-formed XML: %s", state->message);
    }
    if (!state->in->document || state->depth != 0) {
        mlscore_pmml_fail(state->in, MLSCORE_EFORMAT, NULL,
                          "the document ends too early");
    }
}

static void read_guarded(pmml_import *in, xml_state *state)
{
    /* What the reader and this file allocate outside the arena is freed here,
     * also when reading gives up. */
    jmp_buf outer;

    memcpy(outer, in->out, sizeof(outer));
    const int failed = setjmp(in->out);

    if (!failed) {
        read_all(state);
    }
    memcpy(in->out, outer, sizeof(outer));
    xmlFreeTextReader(state->reader);
    mlscore_free(state->text.bytes);
    if (failed) {
        longjmp(in->out, 1);
    }
}

void mlscore_pmml_xml_read(pmml_import *in, const unsigned char *bytes,
                           size_t size)
{
    xml_state *state = mlscore_pmml_alloc(in, 1, sizeof(*state));

    if (size > INT_MAX) {
        mlscore_pmml_fail(in, MLSCORE_ELIMIT, NULL,
                          "the document is larger than 2 GiB");
    }
    if (has_doctype(bytes, size)) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, NULL,
                          "DOCTYPE and entities are refused: remove them");
    }
    state->in = in;
    state->stack =
        mlscore_pmml_alloc(in, (size_t)in->max_depth + 1, sizeof(frame));
    /* HUGE only lifts libxml2's own limits on depth and text, which would be
     * lower than ours; entities, the other thing it frees, are refused. */
    state->reader = xmlReaderForMemory((const char *)bytes, (int)size, NULL,
                                       NULL,
                                       XML_PARSE_NONET | XML_PARSE_HUGE |
                                           XML_PARSE_BIG_LINES);
    if (!state->reader) {
        mlscore_pmml_no_memory(in);
    }
    xmlTextReaderSetStructuredErrorHandler(
        state->reader, (xmlStructuredErrorFunc)on_error, state);
    read_guarded(in, state);
}
