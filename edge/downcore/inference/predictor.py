"""A running bundle: takes tiles or windows, returns predictions in the order of submission."""

import contextlib
import enum
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from downcore.inference.openvino_runtime import openvino
from downcore.strata.bundle import OUTPUT_NAMES, Manifest
from downcore.strata.errors import BundleError
from downcore.strata.estimates import TilePrediction, inverse_transform


class Mode(enum.StrEnum):
    """How submissions are grouped; the numbers are the same, bit for bit."""

    LIVE = "live"
    """Every slice starts at once, in batches that may be partly empty."""
    BACKLOG = "backlog"
    """Tiles wait until a batch is full, across slices."""


@dataclass(frozen=True, slots=True, eq=False)
class RawOutputs:
    """The graph's raw outputs: a row for each tile, or ``rows_per_input`` for each window."""

    outputs: NDArray[np.float32]
    """Shape (3, n_rows, n_properties), in the order of ``OUTPUT_NAMES``, scaled space."""
    novelty: NDArray[np.float32]
    """Shape (n_rows,)."""


@dataclass(slots=True, eq=False)
class _Batch:
    """One inference and the arrays for its outputs."""

    outputs: NDArray[np.float32]
    """Shape (3, n_rows, n_properties)."""
    novelty: NDArray[np.float32]
    """Shape (n_rows,)."""
    n_tiles: int = 0
    is_done: bool = False


@dataclass(slots=True, eq=False)
class _Submitted:
    """What was submitted together, and the places of its rows in the batches."""

    tag: Any
    parts: list[tuple[_Batch, slice]] = field(default_factory=list)


class BundlePredictor:
    """
    Runs one compiled bundle; used from one thread.

    Tiles, or windows, are copied at once into the memory that OpenVINO computes on. Results are
    kept until they are collected, so a caller that submits must also collect.

    Parameters
    ----------
    compiled : openvino.CompiledModel
        Of a fixed batch size.
    manifest : Manifest
        Of the bundle.
    n_requests : int
        Inferences that may run at once, 1 or more.
    mode : Mode, default Mode.LIVE
        May be changed at any time.
    """

    def __init__(
        self, compiled: Any, manifest: Manifest, *, n_requests: int, mode: Mode = Mode.LIVE
    ) -> None:
        self.mode = mode
        self._manifest = manifest
        self._queue = openvino.AsyncInferQueue(compiled, n_requests)
        self._queue.set_callback(_copy_outputs)
        # OpenVINO would free running requests, which crashes the process.
        weakref.finalize(self, _wait_for, self._queue)
        # The requests are kept, since their inputs' memory is written through these views.
        self._requests = list(self._queue)
        self._inputs = [request.get_input_tensor(0).data for request in self._requests]
        self._batch_tiles = int(compiled.input(0).shape[0])
        self._filling: _Batch | None = None
        self._submitted: deque[_Submitted] = deque()

    @property
    def manifest(self) -> Manifest:
        """The manifest of the bundle that runs."""
        return self._manifest

    def predict(self, slices: Sequence[NDArray[np.uint8]]) -> list[TilePrediction]:
        """
        Predict each slice's tiles and wait for the answers.

        Parameters
        ----------
        slices : sequence of ndarray, each of shape (n_tiles, *input_shape)
            Tiles or windows, 8 bit, as :meth:`submit` takes them.

        Returns
        -------
        list of TilePrediction
            One for each entry of ``slices``, in order; an entry without tiles gives 0 rows.

        Raises
        ------
        RuntimeError
            If something was submitted and not collected.
        BundleError
            If OpenVINO fails.
        """
        self._must_be_idle()
        for tiles in slices:
            self.submit(None, tiles)
        return [prediction for _, prediction in self.collect(wait=True)]

    def raw_outputs(self, tiles: NDArray[np.uint8]) -> RawOutputs:
        """
        Return the graph's raw outputs for ``tiles``.

        Raises
        ------
        RuntimeError
            If something was submitted and not collected.
        BundleError
            If OpenVINO fails.
        """
        self._must_be_idle()
        self.submit(None, tiles)
        self._finish()
        return self._outputs_of(self._submitted.popleft())

    def submit(self, tag: object, tiles: NDArray[np.uint8]) -> None:
        """
        Begin to predict one slice's tiles, or a window; waits only while every request is busy.

        Parameters
        ----------
        tag : object
            Returned with the prediction.
        tiles : ndarray, shape (n_tiles, *input_shape)
            With the ``input_shape`` of the manifest, 8 bit; copied. ``n_tiles`` may be 0.

        Raises
        ------
        ValueError
            If ``tiles`` has another shape or type.
        BundleError
            If OpenVINO fails.
        """
        shape = self._manifest.input_shape
        if tiles.dtype != np.uint8 or not tiles.ndim or tiles.shape[1:] != shape:
            wanted = ", ".join(map(str, shape))
            raise ValueError(
                f"expected u8 tiles of shape (n, {wanted}), got {tiles.dtype} {tiles.shape}"
            )
        submission = _Submitted(tag)
        self._submitted.append(submission)
        taken = 0
        while taken < len(tiles):
            taken += self._fill(submission, tiles[taken:])
        if self.mode is Mode.LIVE:
            self._start()

    def collect(self, *, wait: bool) -> list[tuple[Any, TilePrediction]]:
        """
        Return what is finished, with its tag, in the order of submission.

        Parameters
        ----------
        wait : bool
            Start waiting tiles and finish everything first; otherwise the list may be empty, and in
            backlog mode tiles may still wait for a full batch.

        Raises
        ------
        BundleError
            If OpenVINO fails.
        """
        if wait:
            self._finish()
        finished = []
        while self._submitted and all(batch.is_done for batch, _ in self._submitted[0].parts):
            submission = self._submitted.popleft()
            finished.append((submission.tag, self._prediction(submission)))
        return finished

    def close(self) -> None:
        """Wait for running inferences and drop results that were not collected."""
        self._filling = None
        self._submitted.clear()
        self._queue.wait_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fill(self, submission: _Submitted, tiles: NDArray[np.uint8]) -> int:
        """Copy as many tiles as the current batch has room for, and return how many."""
        try:
            # The same request stays idle until it is started here, since nothing else starts one.
            free = self._inputs[self._queue.get_idle_request_id()]
        except RuntimeError as error:
            raise self._failed(error) from error
        if self._filling is None:
            n_rows = self._batch_tiles * self._manifest.rows_per_input
            shape = (len(OUTPUT_NAMES), n_rows, len(self._manifest.outputs))
            self._filling = _Batch(
                np.full(shape, np.nan, np.float32), np.full(n_rows, np.nan, np.float32)
            )
        batch = self._filling
        begin = batch.n_tiles
        count = min(self._batch_tiles - begin, len(tiles))
        free[begin : begin + count] = tiles[:count]
        batch.n_tiles += count
        rows = self._manifest.rows_per_input
        submission.parts.append((batch, slice(begin * rows, (begin + count) * rows)))
        if batch.n_tiles == self._batch_tiles:
            self._start()
        return count

    def _start(self) -> None:
        if self._filling is None:
            return
        batch, self._filling = self._filling, None
        try:
            self._queue.start_async(userdata=batch)
        except RuntimeError as error:
            raise self._failed(error) from error

    def _finish(self) -> None:
        self._start()
        try:
            self._queue.wait_all()
        except RuntimeError as error:
            raise self._failed(error) from error

    def _must_be_idle(self) -> None:
        if self._submitted:
            raise RuntimeError(
                f"expected everything collected first, got {len(self._submitted)} slices submitted"
            )

    def _outputs_of(self, submission: _Submitted) -> RawOutputs:
        none = np.empty((len(OUTPUT_NAMES), 0, len(self._manifest.outputs)), np.float32)
        return RawOutputs(
            np.concatenate(
                [none, *(batch.outputs[:, span] for batch, span in submission.parts)], axis=1
            ),
            np.concatenate(
                [none[0, :, 0], *(batch.novelty[span] for batch, span in submission.parts)]
            ),
        )

    def _prediction(self, submission: _Submitted) -> TilePrediction:
        raw = self._outputs_of(submission)
        return inverse_transform(raw.outputs, raw.novelty, self._manifest)

    def _failed(self, error: RuntimeError) -> BundleError:
        return BundleError(f"bundle {self._manifest.title}: OpenVINO failed: {error}")


def _wait_for(queue: Any) -> None:
    """Wait for running inferences; failures are ignored, since the predictor is gone."""
    with contextlib.suppress(RuntimeError):
        queue.wait_all()


def _copy_outputs(request: Any, batch: _Batch) -> None:
    """Copy the outputs; runs on OpenVINO's thread, whose memory is reused afterwards."""
    for i in range(len(OUTPUT_NAMES)):
        batch.outputs[i] = request.get_output_tensor(i).data.reshape(batch.outputs[i].shape)
    batch.novelty[:] = request.get_output_tensor(len(OUTPUT_NAMES)).data.reshape(-1)
    batch.is_done = True
