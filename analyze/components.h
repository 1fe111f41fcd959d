/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * components.h - strongly connected components of a digraph in flat arrays
 */
#ifndef FAULTLINE_ANALYZE_COMPONENTS_H
#define FAULTLINE_ANALYZE_COMPONENTS_H

#include <stddef.h>
#include <stdint.h>

/**
 * fl_components() - Number the strongly connected components
 * @order:     nodes are 0 .. order-1
 * @first:     order + 1 offsets into @to
 * @to:        what each node requires
 * @component: out, of every node; numbered so that a component stands after all it requires
 * @post:      out, of every node: its place in the order in which a depth-first search leaves nodes, so what
 *             is required stands first except where a cycle makes that impossible; may be NULL
 * Return: number of components
 *
 * Tarjan, SIAM J. Comput. 1(2), 1972, with a stack of its own: no recursion. O(V + E).
 */
uint32_t fl_components(
	uint32_t order, const size_t *first, const uint32_t *to, uint32_t *component, uint32_t *post);

#endif
