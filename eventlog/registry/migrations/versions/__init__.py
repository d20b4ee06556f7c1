"""The steps, in order: ``tables_0001``, ``report_0002``, ``system_index_0003``, ``problems_0004``,
``letter_counts_0005``, ``retractions_0006``.
"""
