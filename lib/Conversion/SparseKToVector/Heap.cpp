//===- Heap.cpp - Binary heaps in kernels -----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Heap.h"

using namespace mlir;
using namespace sparsek;

Value Heap::push(Value size, Value value) const {
  Value zero = b->index(0), one = b->index(1), two = b->index(2);
  auto parent = [&](Value hole) { return b->div({b->sub({hole, one}), two}); };
  // Moves parents down until `value` may stand in the hole.
  Value hole = b->whileLoop(
      {size},
      [&](ValueRange state) {
        return b->ifElse(
            b->gt({state[0], zero}), {b->getI1Type()},
            [&]() -> SmallVector<Value> {
              return {b->lt({value, b->load(memory, {parent(state[0])})})};
            },
            [&]() -> SmallVector<Value> { return {b->boolean(false)}; })[0];
      },
      [&](ValueRange state) -> SmallVector<Value> {
        Value above = parent(state[0]);
        b->store({b->load(memory, {above}), memory, {state[0]}});
        return {above};
      })[0];
  b->store({value, memory, {hole}});
  return b->add({size, one});
}

Value Heap::pop(Value size) const {
  Value last = b->sub({size, b->index(1)});
  replaceTop(last, b->load(memory, {last}));
  return last;
}

void Heap::replaceTop(Value size, Value value) const {
  Value zero = b->index(0), one = b->index(1), two = b->index(2);
  auto left = [&](Value hole) { return b->add({b->mul({hole, two}), one}); };
  // Moves the smaller child up until `value` may stand in the hole.
  Value hole = b->whileLoop(
      {zero, b->boolean(true)},
      [&](ValueRange state) {
        return b->both({state[1], b->lt({left(state[0]), size})});
      },
      [&](ValueRange state) -> SmallVector<Value> {
        Value child = left(state[0]);
        Value right = b->min({b->add({child, one}), b->sub({size, one})});
        Value leftValue = b->load(memory, {child});
        Value rightValue = b->load(memory, {right});
        Value useRight = b->lt({rightValue, leftValue});
        Value smaller = b->select({useRight, rightValue, leftValue});
        Value above = b->lt({smaller, value});
        b->ifThen(above, [&] { b->store({smaller, memory, {state[0]}}); });
        Value next = b->select({useRight, right, child});
        return {b->select({above, next, state[0]}), above};
      })[0];
  b->store({value, memory, {hole}});
}
